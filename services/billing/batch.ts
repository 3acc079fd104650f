import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { callTerms } from "@lyss/contracts/pricing/price.ts";
import { pickCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { admitOnPath, findWholeRefusal, mostOf } from "./budgets/admit-on-path.ts";
import type { BudgetBook } from "./budgets/budget-book.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { isNothing, ofMoney } from "./budgets/model.ts";
import { spentOf } from "./budgets/spent.ts";
import { accounts } from "./journal/accounts.ts";
import type { LockedWallet } from "./journal/chain.ts";
import type { Journal } from "./journal/journal.ts";
import { move, type Posting } from "./journal/posting.ts";
import { changeLease, type Lease, type LeaseAnswer, type LeaseChange } from "./lease.ts";
import type { LeaseStore } from "./lease-store.ts";
import type { ReserveRequest, SettleRequest } from "./ledger-requests.ts";
import type { Hold, Usage, Wallet } from "./model.ts";
import { atMost, collectableNanos, costNanos, noTokens } from "./model.ts";
import type { Price } from "./prices/price.ts";
import type { PriceName, PriceStore } from "./prices/price-store.ts";
import type { PriceVersions } from "./prices/price-versions.ts";
import { moveHold, type RaiseRequest, raiseHold } from "./raise-hold.ts";
import { sayLowBalance } from "./say-low-balance.ts";
import type { BillingStore, OpenHold } from "./store.ts";
import { appendUsage } from "./usage/usage-log.ts";

export type ReserveResult =
  | { readonly kind: "held"; readonly hold: Hold }
  /**
   * Other calls hold what is missing in the wallet, or in a budget; `failure` is the answer when none of it comes back in
   * time.
   */
  | { readonly kind: "wait"; readonly failure: Failure; readonly budgetId: string | undefined }
  | { readonly kind: "failed"; readonly failure: Failure };

export type SettleResult =
  | { readonly kind: "settled"; readonly usage: Usage }
  | { readonly kind: "failed"; readonly failure: Failure };

export interface BatchOptions {
  readonly store: BillingStore;
  readonly priceStore: PriceStore;
  readonly priceVersions: PriceVersions;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly leases: LeaseStore;
  readonly budgets: Budgets;
  readonly outbox: Outbox;
  readonly random: Random;
  readonly currency: string;
  readonly holdTtlMs: number;
  readonly leaseTtlMs: number;
  readonly comfortableOutputTokens: bigint;
  readonly lowBalanceNanos: bigint;
}

/** What a batch knows under its locks, and what it is about to write. */
interface Batch {
  readonly options: BatchOptions;
  /** By tenant; replaced as the batch decides. */
  readonly wallets: Map<string, Wallet>;
  readonly before: ReadonlyMap<string, LockedWallet>;
  readonly prices: ReadonlyMap<string, Price>;
  /** Those at which the calls that end were taken, by id. */
  readonly versions: ReadonlyMap<string, Price>;
  readonly holds: Map<string, OpenHold>;
  readonly usages: Map<string, Usage>;
  readonly newHolds: Map<string, Hold>;
  readonly changedHolds: Map<string, Hold>;
  readonly endedHolds: string[];
  readonly newUsages: Map<string, Usage>;
  /** Those of the new usages that were recorded as lost before. */
  readonly wasLost: Set<string>;
  readonly postings: Posting[];
  readonly leases: Map<string, Lease>;
  readonly changedLeases: Map<string, Lease>;
  readonly book: BudgetBook;
}

/** What arrived while the batch before was under way. */
export interface BatchRequests {
  readonly reserves: readonly ReserveRequest[];
  readonly raises: readonly RaiseRequest[];
  readonly settles: readonly SettleRequest[];
  readonly leaseChanges: readonly LeaseChange[];
  /** Tenants for whose money, and budgets in which calls wait: none of it goes into leases meanwhile. */
  readonly awaited: Record<"tenantIds" | "budgetIds", { has(id: string): boolean }>;
}

export interface BatchResults {
  readonly reserved: readonly ReserveResult[];
  /** The hold as it is then; a Failure where nothing more could be had. */
  readonly raised: readonly (Hold | Failure)[];
  readonly settled: readonly SettleResult[];
  /** A Failure for a lease that is not the node's. */
  readonly changed: readonly (LeaseAnswer | Failure)[];
  /** Budgets in which calls that ended, or leases, have given something back. */
  readonly freedBudgetIds: ReadonlySet<string>;
}

/**
 * Decides and writes a batch inside `tx`: first what frees money, settlements and returned leases, then more for calls that
 * are under way, reservations in the order given, and leases from what is left. Everything is read under the wallets' row locks, so two batches never
 * decide on the same money.
 */
export async function applyBatch(tx: Tx, options: BatchOptions, requests: BatchRequests): Promise<BatchResults> {
  const { reserves, raises, settles, leaseChanges, awaited } = requests;
  const batch = await readBatch(tx, options, requests);
  const settled = settles.map((request) => settle(batch, request));
  const changed: (LeaseAnswer | Failure)[] = [];
  const changeAll = (kind: LeaseChange["kind"]) => {
    for (const [place, request] of leaseChanges.entries()) {
      if (request.kind === kind) changed[place] = changeLeaseOf(batch, request, awaited);
    }
  };
  changeAll("return");
  const raised = raises.map((request) => raise(batch, request));
  const reserved = reserves.map((request) => reserve(batch, request));
  changeAll("grant");
  await writeBatch(tx, batch);
  const { freedBudgetIds } = batch.book.changes;
  return { reserved, raised, settled, changed, freedBudgetIds };
}

async function readBatch(
  tx: Tx,
  options: BatchOptions,
  { reserves, raises, settles, leaseChanges }: BatchRequests,
): Promise<Batch> {
  const { store, journal, currency } = options;
  const callIds = [...reserves, ...raises, ...settles].map((request) => request.callId);
  const newCallIds = reserves.map((request) => request.callId);
  const leaseIds = leaseChanges.map(({ leaseId }) => leaseId);
  const requests = [...reserves, ...raises, ...settles, ...leaseChanges];
  const tenantIds = new Set(requests.map((request) => request.tenantId));
  // Sent together and executed in order: what follows the lock sees what the lock waited for.
  const [wallets, budgetedTenantIds, holds, recent, prices, leases] = await Promise.all([
    journal.lockWallets(tx, [...tenantIds], currency),
    options.budgets.listBudgetedTenants(tx, [...tenantIds]),
    callIds.length > 0 ? store.findHolds(tx, callIds) : undefined,
    newCallIds.length > 0 ? store.findRecentUsage(tx, newCallIds) : undefined,
    reserves.length > 0 ? options.priceStore.findPrices(tx, reserves.map(toPriceName)) : undefined,
    leaseIds.length > 0 ? options.leases.lockLeases(tx, leaseIds) : undefined,
  ]);
  const holdsById = new Map(holds?.map((hold) => [hold.callId, hold]));
  // A call has a hold or usage: only a repeat and what was lost have none of the first.
  const endedCallIds = settles.map(({ callId }) => callId).filter((callId) => !holdsById.has(callId));
  const ended = endedCallIds.length > 0 ? await store.findUsage(tx, endedCallIds) : undefined;
  const usages = new Map<string, Usage>();
  for (const rows of [recent, ended]) rows?.forEach((usage) => void usages.set(usage.callId, usage));
  const heldCallIds = [...settles, ...raises].map(({ callId }) => callId);
  const goingOn = newCallIds.filter((callId) => holdsById.has(callId));
  const priceIds = heldCallIds.flatMap((callId) => (holdsById.get(callId) ?? usages.get(callId))?.priceId ?? []);
  const versions = await options.priceVersions.find(tx, priceIds);
  const byTenant = wallets.map((wallet) => [wallet.tenantId, wallet] as const);
  const grants = leaseChanges.filter((change) => change.kind === "grant");
  const tenantsWithWallet = new Set(wallets.map(({ tenantId }) => tenantId));
  const book = await options.budgets.openBook(tx, {
    budgetedTenantIds,
    // A call that was lost has freed what it held, and is charged when it is reported after all.
    calls: [
      ...[...reserves, ...grants].filter(({ tenantId }) => tenantsWithWallet.has(tenantId)),
      ...[...usages.values()].filter(({ outcome }) => outcome === "lost"),
    ],
    holderIds: [...heldCallIds, ...goingOn, ...leaseIds],
  });
  return {
    options,
    wallets: new Map(byTenant),
    before: new Map(byTenant),
    prices: new Map(prices?.map((price) => [priceKey({ ...price, tenantId: price.forTenantId }), price])),
    versions,
    holds: holdsById,
    usages,
    newHolds: new Map(),
    changedHolds: new Map(),
    endedHolds: [],
    newUsages: new Map(),
    wasLost: new Set(),
    postings: [],
    leases: new Map(leases?.map((lease) => [lease.leaseId, lease])),
    changedLeases: new Map(),
    book,
  };
}

/** Moves money between a wallet and a lease on it, and what the lease's budgets have set aside for it likewise. */
function changeLeaseOf(
  batch: Batch,
  request: LeaseChange,
  { tenantIds, budgetIds }: BatchRequests["awaited"],
): LeaseAnswer | Failure {
  const wallet = batch.wallets.get(request.tenantId);
  if (!wallet) return new Failure(billingFailures.wallet_not_found);
  const { book } = batch;
  const { leaseId } = request;
  const path = request.kind === "grant" ? book.findPath(request) : [];
  const isAwaited = tenantIds.has(request.tenantId) || path.some(({ budgetId }) => budgetIds.has(budgetId));
  const isWhole = request.kind === "grant" && request.isWhole === true;
  const wanted = request.kind === "grant" && isAwaited && !isWhole ? { ...request, want: ofMoney(0n) } : request;
  const budgets = { path, held: book.findHeld(leaseId), nowMs: book.nowMs };
  const change = changeLease(batch.leases.get(leaseId), wallet, wanted, budgets);
  if (!change) return new Failure(billingFailures.lease_not_found);
  const { lease, amounts, isRepeat } = change;
  const refusal = isWhole && !isRepeat && findWholeRefusal(wallet, path, request.want, book.nowMs);
  if (refusal) return refusal;
  // A repeat is written, too: its node counts the lease's time from it.
  batch.changedLeases.set(leaseId, lease);
  if (!isRepeat) {
    batch.wallets.set(wallet.tenantId, { ...wallet, heldNanos: wallet.heldNanos + amounts.money });
    batch.leases.set(leaseId, lease);
    if (request.kind === "return") book.takeBack(leaseId, request.amounts);
    else if (!isNothing(amounts)) book.lend(request, amounts);
  }
  return { amounts, budgets: book.findHeld(leaseId), nowMs: book.nowMs };
}

function toPriceName({ tenantId, provider, model, priceName }: ReserveRequest): PriceName {
  return { tenantId, provider, model: priceName || model };
}

function priceKey({ tenantId, provider, model }: PriceName): string {
  return JSON.stringify([tenantId, provider, model]);
}

const failed = (failure: Failure): ReserveResult => ({ kind: "failed", failure });

function reserve(batch: Batch, request: ReserveRequest): ReserveResult {
  const open = batch.holds.get(request.callId);
  if (open && (open.provider !== request.provider || open.model !== request.model)) return goOn(batch, open, request);
  const known = open ?? batch.newHolds.get(request.callId);
  if (known) return { kind: "held", hold: known };
  if (batch.usages.has(request.callId)) return failed(new Failure(billingFailures.hold_not_found));
  const wallet = batch.wallets.get(request.tenantId);
  if (!wallet) return failed(new Failure(billingFailures.wallet_not_found));
  const price = batch.prices.get(priceKey(toPriceName(request)));
  if (!price) {
    const { model, provider } = request;
    return failed(new Failure(billingFailures.price_missing, { model, provider }));
  }

  const { book } = batch;
  const { clock, comfortableOutputTokens } = batch.options;
  const startedAtMs = clock.nowMs();
  const terms = { price: price.terms, want: request, comfortableOutputTokens, startedAtMs, nowMs: book.nowMs };
  const admission = admitOnPath(wallet, book.findPath(request), terms);
  if (admission.kind !== "granted") {
    const { failure, budgetId } = admission;
    if (admission.kind === "wait" && !request.isLastTry) {
      return { kind: "wait", failure, budgetId };
    }
    book.refuse(budgetId, request);
    return failed(failure);
  }
  const { callId, requestId, tenantId, keyId, userId, provider, model } = request;
  const { amountNanos, outputTokens } = admission;
  const facts = { callId, requestId, tenantId, keyId, userId, provider, model };
  const hold = { ...facts, walletId: wallet.walletId, priceId: price.priceId, amountNanos, outputTokens };
  batch.wallets.set(tenantId, { ...wallet, heldNanos: wallet.heldNanos + amountNanos });
  batch.newHolds.set(callId, hold);
  book.hold(request, mostOf(request, amountNanos, outputTokens));
  return { kind: "held", hold };
}

/** The hold of a call that goes on at another target. Refused, it is as it was. */
function goOn({ options, book, ...batch }: Batch, hold: OpenHold, request: ReserveRequest): ReserveResult {
  const { callId, tenantId, provider, model } = request;
  const wallet = batch.wallets.get(tenantId);
  if (!wallet || hold.tenantId !== tenantId) return failed(new Failure(billingFailures.hold_not_found));
  const price = batch.prices.get(priceKey(toPriceName(request)));
  if (!price) return failed(new Failure(billingFailures.price_missing, { model, provider }));
  const { comfortableOutputTokens, clock } = options;
  const at = { comfortableOutputTokens, startedAtMs: clock.nowMs(), nowMs: book.nowMs };
  const moved = moveHold(hold, wallet, book.findPathWithout(callId), request, { price, ...at });
  if (moved instanceof Failure) return failed(moved);
  changeHold(batch, wallet, hold, moved);
  book.raise(callId, mostOf(request, moved.amountNanos, moved.outputTokens));
  return { kind: "held", hold: moved };
}

function changeHold(
  batch: Pick<Batch, "wallets" | "holds" | "changedHolds">,
  wallet: Wallet,
  hold: OpenHold,
  changed: Hold,
): void {
  const { callId, tenantId } = hold;
  batch.wallets.set(tenantId, { ...wallet, heldNanos: wallet.heldNanos + changed.amountNanos - hold.amountNanos });
  batch.holds.set(callId, { ...hold, ...changed });
  batch.changedHolds.set(callId, changed);
}

function raise(batch: Batch, request: RaiseRequest): Hold | Failure {
  const { callId, tenantId } = request;
  const hold = batch.holds.get(callId);
  const wallet = batch.wallets.get(tenantId);
  if (!hold || !wallet || hold.tenantId !== tenantId) return new Failure(billingFailures.hold_not_found);
  const price = batch.versions.get(hold.priceId);
  if (!price) return new Failure(billingFailures.price_unknown, { priceId: hold.priceId });
  const { book } = batch;
  const terms = { price: price.terms, startedAtMs: hold.createdAt.getTime(), nowMs: book.nowMs };
  const raised = raiseHold(hold, wallet, book.findPathWithout(callId), request, terms);
  if (raised instanceof Failure || raised === hold) return raised;
  changeHold(batch, wallet, hold, raised);
  book.raise(callId, mostOf(request, raised.amountNanos, raised.outputTokens));
  return raised;
}

function settle(batch: Batch, request: SettleRequest): SettleResult {
  const { callId } = request;
  const hold = batch.holds.get(callId);
  const usage = batch.usages.get(callId);
  const isSweep = request.outcome === "lost";
  if (!hold && usage && (usage.outcome !== "lost" || isSweep)) return { kind: "settled", usage };
  const call = hold ?? usage;
  const wallet = batch.wallets.get(request.tenantId);
  // A hold that was extended after the sweep had listed it is none of the sweep's business.
  if (!call || !wallet || call.tenantId !== request.tenantId || (isSweep && hold && !hold.isExpired)) {
    return { kind: "failed", failure: new Failure(billingFailures.hold_not_found) };
  }

  const price = batch.versions.get(call.priceId);
  if (!price) return { kind: "failed", failure: new Failure(billingFailures.price_unknown, { priceId: call.priceId }) };

  const tokens = isSweep ? noTokens : pickCounts(request);
  const serviceMode = isSweep ? undefined : request.serviceMode;
  // A row keeps its day: what is said now does not move what was recorded as lost.
  const startedAtMs =
    "startedAtMs" in call ? call.startedAtMs : (request.startedAtMs ?? BigInt(call.createdAt.getTime()));
  const heldNanos = hold?.amountNanos ?? 0n;
  const cost = costNanos(price.terms, tokens, callTerms(startedAtMs, serviceMode));
  const paidNanos = atMost(collectableNanos(wallet, heldNanos, cost), batch.book.findCollectableNanos(callId) ?? cost);
  batch.wallets.set(wallet.tenantId, {
    ...wallet,
    balanceNanos: wallet.balanceNanos - paidNanos,
    heldNanos: wallet.heldNanos - heldNanos,
  });
  const charge = paidNanos > 0n ? toCharge(batch, wallet, callId, paidNanos) : undefined;
  const { requestId, tenantId, keyId, userId, provider, model, walletId, priceId } = call;
  const ended: Usage = {
    ...{ callId, requestId, tenantId, keyId, userId, provider, model, walletId, priceId },
    ...{ ...tokens, serviceMode, startedAtMs, tags: request.tags },
    // A row that was written when its node went missing is the first attempt's.
    ...(!usage && request.attempt !== undefined && { attempt: request.attempt }),
    outcome: request.outcome,
    isEstimated: request.isEstimated,
    latencyMs: request.latencyMs,
    ...{ isStreamed: request.isStreamed, firstTokenMs: request.firstTokenMs, error: request.error },
    costNanos: paidNanos,
    uncollectedNanos: cost - paidNanos,
    postingId: charge?.postingId ?? "",
  };
  if (hold) {
    batch.holds.delete(callId);
    batch.endedHolds.push(callId);
  }
  if (usage && !batch.newUsages.has(callId)) batch.wasLost.add(callId);
  batch.usages.set(callId, ended);
  batch.newUsages.set(callId, ended);
  if (hold) batch.book.settle(callId, spentOf(ended));
  else batch.book.charge(ended, batch.book.nowMs, spentOf(ended));
  if (charge) batch.postings.push(charge);
  return { kind: "settled", usage: ended };
}

function toCharge({ options }: Batch, wallet: Wallet, callId: string, amountNanos: bigint): Posting {
  return {
    postingId: options.random.id("pst"),
    kind: "charge",
    reference: callId,
    currency: wallet.currency,
    entries: move(accounts.wallet(wallet.walletId), accounts.revenue, amountNanos),
  };
}

async function writeBatch(tx: Tx, batch: Batch): Promise<void> {
  const { store, journal, leases, budgets, outbox, holdTtlMs, leaseTtlMs } = batch.options;
  const { before, postings, endedHolds, newHolds, changedHolds, newUsages, wasLost, changedLeases, book } = batch;
  const changed = [...batch.wallets.values()].filter((wallet) => wallet !== before.get(wallet.tenantId));
  const usages = [...newUsages.values()];
  await Promise.all([
    changed.length > 0 && journal.write(tx, { before: [...before.values()], after: changed, postings }),
    endedHolds.length > 0 && store.deleteHolds(tx, endedHolds),
    newHolds.size > 0 && store.insertHolds(tx, [...newHolds.values()], holdTtlMs),
    changedHolds.size > 0 && store.changeHolds(tx, [...changedHolds.values()]),
    usages.length > 0 && store.putUsage(tx, usages),
    appendUsage(tx, outbox, usages, wasLost),
    changedLeases.size > 0 && leases.putLeases(tx, [...changedLeases.values()], leaseTtlMs),
    ...changed.map((wallet) => sayLowBalance(tx, batch.options, before.get(wallet.tenantId), wallet)),
    budgets.writeBook(tx, book),
  ]);
}
