import { callTerms } from "@lyss/contracts/pricing/price.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { accounts } from "../journal/accounts.ts";
import { move, type Posting } from "../journal/posting.ts";
import { availableNanos, costNanos, type Wallet } from "../model.ts";
import type { ReconcileDeps } from "./reconcile-deps.ts";
import type { EstimatedCharge } from "./reconciliation-store.ts";
import { customerDelta, type ReportLine } from "./report.ts";

/** What went to and came from customers. */
export interface CorrectedCharges {
  readonly refundedNanos: bigint;
  readonly chargedNanos: bigint;
  readonly tenantIds: readonly string[];
}

/**
 * Settles with customers who paid by an estimate what the provider says their calls used, each call once, as postings of now: a period
 * that is closed stays as it is. `lines` are by `<call id>/<attempt>`.
 */
export async function correctCharges(
  tx: Tx,
  deps: ReconcileDeps,
  lines: ReadonlyMap<string, ReportLine>,
): Promise<CorrectedCharges> {
  const none: CorrectedCharges = { refundedNanos: 0n, chargedNanos: 0n, tenantIds: [] };
  const callIds = [...lines.keys()].map((name) => name.slice(0, name.lastIndexOf("/")));
  if (callIds.length === 0) return none;
  const estimated = await deps.reconciliations.listEstimatedCharges(tx, callIds);
  if (estimated.length === 0) return none;

  const tenantIds = [...new Set(estimated.map(({ tenantId }) => tenantId))];
  const locked = await deps.journal.lockWallets(tx, tenantIds, deps.currency);
  // Looked for again under the locks: another run may have corrected some while this one waited.
  const open = await deps.reconciliations.listEstimatedCharges(tx, callIds);
  const trueCosts = await priceAll(tx, deps, open, lines);
  const wallets = new Map<string, Wallet>(locked.map((wallet) => [wallet.walletId, wallet]));
  const postings: Posting[] = [];
  let [refundedNanos, chargedNanos] = [0n, 0n];
  for (const charge of open) {
    const wallet = wallets.get(charge.walletId);
    const trueNanos = trueCosts.get(charge);
    if (!wallet || trueNanos === undefined) continue;
    const money = { chargedNanos: charge.costNanos, trueNanos, availableNanos: availableNanos(wallet) };
    const delta = customerDelta(money, deps.maxRaisePpm);
    if (delta === 0n) continue;
    wallets.set(wallet.walletId, { ...wallet, balanceNanos: wallet.balanceNanos - delta });
    if (delta > 0n) chargedNanos += delta;
    else refundedNanos -= delta;
    postings.push({
      ...{ postingId: deps.random.id("pst"), kind: "correction", reference: `${charge.callId}/${charge.attempt}` },
      currency: wallet.currency,
      entries: move(accounts.wallet(wallet.walletId), accounts.revenue, delta),
    });
  }
  await deps.journal.write(tx, { before: locked, after: [...wallets.values()], postings });
  return { refundedNanos, chargedNanos, tenantIds };
}

/** What each call costs at its own price with the tokens that the provider says. */
async function priceAll(
  tx: Tx,
  { priceVersions }: ReconcileDeps,
  charges: readonly EstimatedCharge[],
  lines: ReadonlyMap<string, ReportLine>,
): Promise<ReadonlyMap<EstimatedCharge, bigint>> {
  const prices = await priceVersions.find(tx, new Set(charges.map(({ priceId }) => priceId)));
  return new Map(
    charges.flatMap((charge) => {
      const price = prices.get(charge.priceId);
      const line = lines.get(`${charge.callId}/${charge.attempt}`);
      if (!price || !line) return [];
      const { inputTokens, cachedInputTokens, outputTokens } = line;
      const when = callTerms(charge.startedAt?.getTime() ?? 0, charge.serviceMode ?? undefined);
      return [[charge, costNanos(price.terms, { inputTokens, cachedInputTokens, outputTokens }, when)] as const];
    }),
  );
}
