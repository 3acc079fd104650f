import { creditGranted, grantExpired } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Logger } from "pino";
import type { Cause, CreditDeps } from "../credit-deps.ts";
import { accounts } from "../journal/accounts.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { move, type Posting } from "../journal/posting.ts";
import { formatNanos, nanosPerUnit } from "../model.ts";
import { expireGrants, type Grant, settleGrants } from "./grant-model.ts";
import type { GrantStore } from "./grant-store.ts";

export interface GrantDeps extends CreditDeps {
  readonly grants: GrantStore;
  readonly log: Logger;
}

export interface CreateGrantInput extends Cause {
  readonly tenantId: string;
  readonly amountNanos: bigint;
  readonly expiresAt: Date;
}

const maxGrantNanos = 1_000_000n * nanosPerUnit;
const maxOpenGrants = 200;
const maxTenantsPerRun = 100;

/** Credit that ends: given, looked at, spent first, and taken back when its time is over. */
export function createGrants(deps: GrantDeps) {
  const { grants } = deps;
  return {
    createGrant: (input: CreateGrantInput) => createGrant(deps, input),
    expire: (signal: AbortSignal) => expire(deps, signal),
    /** The wallet's open grants as they are now, those that end first first. */
    listOpen: async (walletId: string) => (await readSettled(grants, deps.db.sql, walletId)).settled,
    /** Every grant of a tenant as it was settled last, newest first. */
    async list({ tenantId, limit, cursor }: PageRequest & { readonly tenantId: string }): Promise<Page<Grant>> {
      const [afterId] = decodeCursor(cursor, 1) ?? [];
      const rows = await grants.listGrants({ tenantId, afterId, limit: limit + 1 });
      return toPage(rows, limit, ({ grantId }) => [grantId]);
    },
  };
}

export type Grants = ReturnType<typeof createGrants>;

async function readSettled(grants: GrantStore, db: Sql | Tx, walletId: string) {
  const [money, open] = await Promise.all([grants.getMoney(db, walletId), grants.listOpenGrants(db, walletId)]);
  return { money, settled: settleGrants(open, money) };
}

/** A wallet's open grants as they are now. The caller holds its lock. */
export async function readGrants(
  tx: Tx,
  { grants }: Pick<GrantDeps, "grants">,
  walletId: string,
): Promise<readonly Grant[]> {
  return (await readSettled(grants, tx, walletId)).settled;
}

/**
 * Settles a wallet's grants by what it has now, and writes that. To be called under its lock whenever money went out that no
 * call has cost: what is left of grants never exceeds the balance.
 */
export async function fitGrants(tx: Tx, { grants, clock }: Pick<GrantDeps, "grants" | "clock">, walletId: string) {
  const { settled } = await readSettled(grants, tx, walletId);
  if (settled.length > 0) await grants.updateGrants(tx, settled, new Date(clock.nowMs()));
}

/**
 * Gives a tenant credit that ends. The same reference gives the same grant. Throws `amount_out_of_range`, `expiry_in_past`,
 * `too_many_grants`, `wallet_not_found`, and `reference_reused` for another amount or end.
 */
async function createGrant(deps: GrantDeps, input: CreateGrantInput): Promise<Grant> {
  const { db, journal, grants, currency } = deps;
  const { tenantId, amountNanos, reference, expiresAt } = input;
  if (amountNanos <= 0n || amountNanos > maxGrantNanos) {
    const bounds = { minimum: formatNanos(1n), maximum: formatNanos(maxGrantNanos), currency };
    throw new Failure(billingFailures.amount_out_of_range, bounds);
  }
  const created = await db.transaction(async (tx) => {
    const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const known = await grants.findGrant(tx, wallet.walletId, reference);
    if (known) {
      const isSame = known.amountNanos === amountNanos && known.expiresAt.getTime() === expiresAt.getTime();
      if (!isSame) throw new Failure(billingFailures.reference_reused, { reference });
      return known;
    }
    return insertGrant(tx, deps, wallet, input);
  });
  deps.ledger.wake(tenantId);
  return created;
}

async function insertGrant(tx: Tx, deps: GrantDeps, wallet: LockedWallet, input: CreateGrantInput): Promise<Grant> {
  const { grants, random, clock, currency } = deps;
  const { tenantId, amountNanos, reference, reason, userId: createdBy, expiresAt } = input;
  const now = new Date(clock.nowMs());
  if (expiresAt <= now) throw new Failure(billingFailures.expiry_in_past);
  const { walletId } = wallet;
  const { money, settled } = await readSettled(grants, tx, walletId);
  if (settled.length >= maxOpenGrants) throw new Failure(billingFailures.too_many_grants, { maximum: maxOpenGrants });
  // The others get the same mark first: what was spent before is none of the new one's.
  if (settled.length > 0) await grants.updateGrants(tx, settled, now);
  const grant: Grant = {
    ...{ grantId: random.id("grt"), walletId, tenantId, reference, reason, createdBy, amountNanos, expiresAt },
    ...{ leftNanos: amountNanos, spentMarkNanos: money.spentNanos, expiredNanos: 0n, expiries: 0 },
    ...{ createdAt: now, endedAt: null },
  };
  await grants.insertGrant(tx, grant);
  const entries = move(accounts.grants, accounts.wallet(walletId), amountNanos);
  const posting = { postingId: random.id("pst"), kind: "grant", reference: grant.grantId, currency, entries } as const;
  await deps.journal.post(tx, [wallet], [posting]);
  const facts = { grantId: grant.grantId, tenantId, walletId, currency, amountNanos };
  await deps.outbox.append(tx, creditGranted, { ...facts, expiresAtMs: BigInt(expiresAt.getTime()) });
  return grant;
}

/**
 * Takes back what is left of grants whose time is over, as postings of their own; what calls hold stays until they have ended.
 * Safe to run on several nodes.
 */
async function expire(deps: GrantDeps, signal: AbortSignal): Promise<void> {
  const now = new Date(deps.clock.nowMs());
  for (const { tenantId } of await deps.grants.listTenantsWithExpired(now, maxTenantsPerRun)) {
    if (signal.aborted) return;
    await deps.db.transaction((tx) => expireOf(tx, deps, tenantId, now));
  }
}

async function expireOf(tx: Tx, deps: GrantDeps, tenantId: string, now: Date): Promise<void> {
  const { journal, grants, currency } = deps;
  const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
  if (!wallet) return;
  const { money, settled } = await readSettled(grants, tx, wallet.walletId);
  const expiries = expireGrants(settled, money, now);
  const after = new Map([...settled, ...expiries.map(({ grant }) => grant)].map((grant) => [grant.grantId, grant]));
  await grants.updateGrants(tx, [...after.values()], now);
  const ended = expiries.filter(({ amountNanos }) => amountNanos > 0n);
  const postings = ended.map(({ grant, amountNanos }): Posting => {
    const reference = `${grant.grantId}/${grant.expiries}`;
    const entries = move(accounts.wallet(wallet.walletId), accounts.grants, amountNanos);
    return { postingId: deps.random.id("pst"), kind: "grant_expiry", reference, currency, entries };
  });
  await journal.post(tx, [wallet], postings);
  for (const { grant, amountNanos } of ended) {
    const { grantId, walletId } = grant;
    await deps.outbox.append(tx, grantExpired, { grantId, tenantId, walletId, currency, expiredNanos: amountNanos });
  }
}
