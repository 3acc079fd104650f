import { codeRedeemed } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Limiter } from "@lyss/kit/resilience/limiter.ts";
import { createLimiter } from "@lyss/kit/resilience/limiter-in-memory.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { CreditDeps } from "../credit-deps.ts";
import { creditEntries } from "../debts/debt-entries.ts";
import { readDebt } from "../debts/debts.ts";
import { accounts } from "../journal/accounts.ts";
import type { Wallet } from "../model.ts";
import { type CodeBatch, type CodeBatchUse, hashCode, isRedeemable, makeCode } from "./code-model.ts";
import type { CodeStore } from "./code-store.ts";

export interface CodeDeps extends CreditDeps {
  readonly codes: CodeStore;
  /** 32 bytes: without it nobody can tell which row a code is. */
  readonly codeKey: Buffer;
}

export interface CreateCodesInput {
  readonly name: string;
  readonly amountNanos: bigint;
  /** 1 to 1,000. */
  readonly count: number;
  readonly prefix: string;
  readonly maxUses: number;
  readonly isOncePerTenant: boolean;
  readonly expiresAt: Date | null;
  readonly userId: string;
}

export interface RedeemInput {
  readonly tenantId: string;
  readonly userId: string;
  readonly code: string;
}

/** Tries of a tenant, good or bad. A code has 100 random bits, so this keeps the table from being asked, not from being guessed. */
const triesPerMinute = { kind: "token_bucket", limit: 30, windowMs: 60_000 } as const;
const maxKnownTenants = 100_000;

/** Codes that are worth money to whoever redeems them first. */
export function createCodes(deps: CodeDeps) {
  const tries = createLimiter(triesPerMinute, { clock: deps.clock, maxKeys: maxKnownTenants });
  return {
    createCodes: (input: CreateCodesInput) => createBatch(deps, input),
    redeem: (input: RedeemInput) => redeem(deps, tries, input),
    /** Batches, newest first. */
    async list({ limit, cursor }: PageRequest): Promise<Page<CodeBatchUse>> {
      const [afterId] = decodeCursor(cursor, 1) ?? [];
      const rows = await deps.codes.listBatches({ afterId, limit: limit + 1 });
      return toPage(rows, limit, ({ batchId }) => [batchId]);
    },
    /** No code of the batch is good from now on. A repeat is safe. Throws `code_batch_not_found`. */
    async disable({ batchId }: { readonly batchId: string }): Promise<CodeBatchUse> {
      const now = new Date(deps.clock.nowMs());
      const batch = await deps.db.transaction((tx) => deps.codes.disableBatch(tx, batchId, now));
      if (!batch) throw new Failure(billingFailures.code_batch_not_found);
      return batch;
    },
  };
}

export type Codes = ReturnType<typeof createCodes>;

/**
 * Makes a batch of codes; this answer is the only place where they stand. With an idempotency key a repeat gives the same
 * ones. Throws `expiry_in_past`.
 */
function createBatch(
  deps: CodeDeps,
  input: CreateCodesInput,
): Promise<{ readonly batch: CodeBatch; readonly codes: readonly string[] }> {
  const { random, clock, currency } = deps;
  return deps.idempotency.run({ operation: "createCodes", scope: "platform", input }, async (tx) => {
    const createdAt = new Date(clock.nowMs());
    const { name, amountNanos, count, prefix, maxUses, isOncePerTenant, expiresAt, userId: createdBy } = input;
    if (expiresAt && expiresAt <= createdAt) throw new Failure(billingFailures.expiry_in_past);
    const batch: CodeBatch = {
      ...{ batchId: random.id("cdb"), name, currency, amountNanos, codeCount: count, maxUses, isOncePerTenant },
      ...{ expiresAt, createdAt, createdBy, disabledAt: null },
    };
    const made = Array.from({ length: count }, () => makeCode(random, prefix));
    await deps.codes.insertBatch(tx, batch);
    await deps.codes.insertCodes(
      tx,
      batch.batchId,
      made.map((code) => hashCode(deps.codeKey, code)),
    );
    return { batch, codes: made };
  });
}

/**
 * Credits the tenant's wallet with what a code is worth, once per code and tenant, and `maxUses` times in all. Throws
 * `code_invalid` for a code that is unknown, ended, disabled or used up (which of them is nobody's business),
 * `code_redeemed_before`, `rate_limited` and `wallet_not_found`.
 */
async function redeem(
  deps: CodeDeps,
  tries: Limiter,
  input: RedeemInput,
): Promise<{ readonly wallet: Wallet; readonly amountNanos: bigint }> {
  const { tenantId } = input;
  const decision = tries.take(tenantId);
  if (!decision.isAllowed) {
    const { retryAfterMs } = decision;
    const retryAfterSeconds = Math.max(1, Math.ceil(retryAfterMs / 1_000));
    const details = { subject: "tenant", subject_zh_CN: "租户", retryAfterSeconds };
    throw new Failure(resilienceFailures.rate_limited, details, { retryAfterMs });
  }
  const request = { operation: "redeemCode", scope: tenantId, input };
  const result = await deps.idempotency.run(request, (tx) => claim(tx, deps, input));
  deps.ledger.wake(tenantId);
  return result;
}

async function claim(tx: Tx, deps: CodeDeps, { tenantId, userId, code }: RedeemInput) {
  const { codes, journal, random, clock, currency } = deps;
  const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
  if (!wallet) throw new Failure(billingFailures.wallet_not_found);
  const hash = hashCode(deps.codeKey, code);
  const found = await codes.lockCode(tx, hash);
  const redeemedAt = new Date(clock.nowMs());
  if (!found || found.currency !== currency) throw new Failure(billingFailures.code_invalid);
  if (await codes.hasRedeemed(tx, hash, found.batchId, tenantId)) {
    throw new Failure(billingFailures.code_redeemed_before);
  }
  if (!isRedeemable(found, redeemedAt) || found.uses >= found.maxUses) throw new Failure(billingFailures.code_invalid);

  const { batchId, isOncePerTenant, amountNanos } = found;
  const redemptionId = random.id("rdm");
  await codes.countUse(tx, hash);
  await codes.insertRedemption(tx, { redemptionId, hash, batchId, isOncePerTenant, tenantId, userId, redeemedAt });
  const { walletId } = wallet;
  const entries = creditEntries(accounts.codes, wallet, amountNanos, await readDebt(tx, deps, wallet));
  const posting = { postingId: random.id("pst"), kind: "code", reference: redemptionId, currency, entries } as const;
  const [credited = wallet] = await journal.post(tx, [wallet], [posting]);
  await deps.outbox.append(tx, codeRedeemed, { redemptionId, batchId, tenantId, walletId, currency, amountNanos });
  return { wallet: credited, amountNanos };
}
