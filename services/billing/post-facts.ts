import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { sayLowBalance } from "./batch.ts";
import type { AttemptName, Fact, PostedFact } from "./fact.ts";
import type { FactStore } from "./fact-store.ts";
import { accounts } from "./journal/accounts.ts";
import type { Journal } from "./journal/journal.ts";
import { move, type Posting } from "./journal/posting.ts";
import type { Lease } from "./lease.ts";
import type { LeaseStore } from "./lease-store.ts";
import { collectableNanos, costNanos, type Price, type Wallet } from "./model.ts";
import type { BillingStore } from "./store.ts";
import { appendUsage } from "./usage-log.ts";

export interface FactsDeps {
  readonly db: Database;
  readonly store: BillingStore;
  readonly journal: Journal;
  readonly leases: LeaseStore;
  readonly facts: FactStore;
  readonly outbox: Outbox;
  readonly random: Random;
  readonly currency: string;
  readonly lowBalanceNanos: bigint;
  /** Prices never change, so one that was read once is known for good. */
  readonly prices: Map<string, Price>;
}

/** An attempt is posted once: what was recorded as lost stays so. */
const noneWasLost: ReadonlySet<string> = new Set();
const maxTries = 3;
const maxKnownPrices = 100_000;

/**
 * Charges attempts that were drawn from leases: usage rows, what is left of each lease, wallets, one posting per wallet, in
 * one transaction. An attempt that was posted before changes nothing, whoever repeats it. What an attempt cost beyond its
 * lease is taken from what the wallet has available, and beyond that recorded as uncollected. A lease that is no more is
 * one in which nothing is left. Throws `price_unknown` and `wallet_not_found`.
 */
export async function postFacts(
  deps: FactsDeps,
  facts: readonly Fact[],
): Promise<{ readonly uncollectedNanos: bigint; readonly repeated: number }> {
  let wanted = withoutDoubles(facts);
  for (let tries = 1; ; tries++) {
    try {
      const uncollectedNanos = await deps.db.transaction((tx) => post(tx, deps, wanted));
      return { uncollectedNanos, repeated: facts.length - wanted.length };
    } catch (err) {
      if (!isKnownAttempt(err) || tries === maxTries) throw err;
      // Repeats come after a crash or a lost answer only: looking for them each time would cost more than the rest.
      const known = await deps.db.transaction((tx) => deps.facts.listKnownAttempts(tx, wanted));
      const names = new Set(known.map(nameOf));
      wanted = wanted.filter((fact) => !names.has(nameOf(fact)));
    }
  }
}

function nameOf({ callId, attempt }: AttemptName): string {
  return `${callId}/${attempt}`;
}

function withoutDoubles(facts: readonly Fact[]): readonly Fact[] {
  const byName = new Map(facts.map((fact) => [nameOf(fact), fact]));
  return byName.size === facts.length ? facts : [...byName.values()];
}

/** SQLSTATE 23505 on the table's key. */
function isKnownAttempt(err: unknown): boolean {
  return (
    err instanceof Error && "code" in err && err.code === "23505" && "table_name" in err && err.table_name === "usage"
  );
}

async function post(tx: Tx, deps: FactsDeps, facts: readonly Fact[]): Promise<bigint> {
  if (facts.length === 0) return 0n;
  const { store, journal, random, currency, prices } = deps;
  const tenantIds = [...new Set(facts.map(({ tenantId }) => tenantId))];
  const leaseIds = [...new Set(facts.map(({ leaseId }) => leaseId))];
  const unknownPrices = [...new Set(facts.map(({ priceId }) => priceId))].filter((id) => !prices.has(id));
  // Sent together and executed in order: what follows the lock sees what the lock waited for.
  const [lockedWallets, lockedLeases, found] = await Promise.all([
    journal.lockWallets(tx, tenantIds, currency),
    deps.leases.lockLeases(tx, leaseIds),
    unknownPrices.length > 0 ? store.findPricesById(tx, unknownPrices) : [],
  ]);
  if (prices.size > maxKnownPrices) prices.clear();
  for (const price of found) prices.set(price.priceId, price);

  const wallets = new Map(lockedWallets.map((wallet) => [wallet.tenantId, wallet]));
  const leases = new Map(lockedLeases.map((lease) => [lease.leaseId, lease]));
  const charges = new Map<string, { readonly postingId: string; sumNanos: bigint }>();
  let uncollectedNanos = 0n;
  const posted = facts.map((fact): PostedFact => {
    const price = prices.get(fact.priceId);
    if (!price) throw new Failure(billingFailures.price_unknown, { priceId: fact.priceId });
    const wallet = wallets.get(fact.tenantId);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const charge = charges.get(wallet.tenantId) ?? { postingId: random.id("pst"), sumNanos: 0n };
    charges.set(wallet.tenantId, charge);
    const cost = costNanos(price, fact);
    const paidNanos = draw(wallets, leases, wallet, fact.leaseId, cost);
    charge.sumNanos += paidNanos;
    uncollectedNanos += cost - paidNanos;
    const { walletId } = wallet;
    return { ...fact, walletId, costNanos: paidNanos, uncollectedNanos: cost - paidNanos, postingId: charge.postingId };
  });

  const postings = [...charges].flatMap(([tenantId, { postingId, sumNanos }]): Posting[] => {
    const wallet = wallets.get(tenantId);
    if (!wallet || sumNanos === 0n) return [];
    const entries = move(accounts.wallet(wallet.walletId), accounts.revenue, sumNanos);
    return [{ postingId, kind: "usage", reference: postingId, currency, entries }];
  });
  const before = new Map(lockedWallets.map((wallet) => [wallet.tenantId, wallet]));
  const changed = [...wallets.values()].filter((wallet) => wallet !== before.get(wallet.tenantId));
  await deps.facts.insertFacts(tx, posted);
  await Promise.all([
    changed.length > 0 && journal.write(tx, { before: lockedWallets, after: changed, postings }),
    leases.size > 0 && deps.leases.updateLeaseAmounts(tx, [...leases.values()]),
    appendUsage(tx, deps.outbox, posted, noneWasLost),
    ...changed.map((wallet) => sayLowBalance(tx, deps, before.get(wallet.tenantId), wallet)),
  ]);
  return uncollectedNanos;
}

/** Takes a cost from the lease, then from what the wallet has available. Gives what could be taken. */
function draw(
  wallets: Map<string, Wallet>,
  leases: Map<string, Lease>,
  wallet: Wallet,
  leaseId: string,
  cost: bigint,
): bigint {
  const named = leases.get(leaseId);
  const lease = named?.walletId === wallet.walletId ? named : undefined;
  const leasedNanos = lease?.amountNanos ?? 0n;
  const paidNanos = collectableNanos(wallet, leasedNanos, cost);
  const fromLease = paidNanos < leasedNanos ? paidNanos : leasedNanos;
  if (lease && fromLease > 0n) leases.set(leaseId, { ...lease, amountNanos: leasedNanos - fromLease });
  if (paidNanos > 0n) {
    const balanceNanos = wallet.balanceNanos - paidNanos;
    wallets.set(wallet.tenantId, { ...wallet, balanceNanos, heldNanos: wallet.heldNanos - fromLease });
  }
  return paidNanos;
}
