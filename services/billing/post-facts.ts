import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { sayLowBalance } from "./batch.ts";
import { type Drawn, drawFacts, priceFacts } from "./draw-facts.ts";
import type { AttemptName, Fact } from "./fact.ts";
import type { FactStore } from "./fact-store.ts";
import type { LockedWallet } from "./journal/chain.ts";
import type { Journal } from "./journal/journal.ts";
import type { LeaseStore } from "./lease-store.ts";
import type { PriceVersions } from "./prices/price-versions.ts";
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
  readonly priceVersions: PriceVersions;
}

/** An attempt is posted once: what was recorded as lost stays so. */
const noneWasLost: ReadonlySet<string> = new Set();
const maxTries = 3;

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
  let wanted = inOneOrder(facts);
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

/**
 * Each attempt once. Whoever posts a row that another transaction is about to commit waits for it: in one order everywhere,
 * so that two never wait for each other in a circle.
 */
function inOneOrder(facts: readonly Fact[]): readonly Fact[] {
  const byName = new Map(facts.map((fact) => [nameOf(fact), fact]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, fact]) => fact);
}

/** SQLSTATE 23505 on the table's key. */
function isKnownAttempt(err: unknown): boolean {
  return (
    err instanceof Error && "code" in err && err.code === "23505" && "table_name" in err && err.table_name === "usage"
  );
}

/** The rows, which are nearly all of the work, are written before the wallets are locked: a wallet of many nodes is locked for moments. */
async function post(tx: Tx, deps: FactsDeps, facts: readonly Fact[]): Promise<bigint> {
  if (facts.length === 0) return 0n;
  const { store, random, currency } = deps;
  const tenantIds = [...new Set(facts.map(({ tenantId }) => tenantId))];
  const leaseIds = [...new Set(facts.map(({ leaseId }) => leaseId))];
  const [payers, prices] = await Promise.all([
    store.listWallets(tx, tenantIds, currency),
    deps.priceVersions.find(tx, new Set(facts.map(({ priceId }) => priceId))),
  ]);
  const priced = priceFacts(facts, { prices, wallets: payers, random });
  await deps.facts.insertFacts(tx, priced);

  // Sent together and executed in order: what follows the lock sees what the lock waited for.
  const [wallets, leases] = await Promise.all([
    deps.journal.lockWallets(tx, tenantIds, currency),
    deps.leases.lockLeases(tx, leaseIds),
  ]);
  const drawn = drawFacts(priced, { wallets, leases });
  await write(tx, deps, drawn, wallets);
  return drawn.uncollectedNanos;
}

async function write(tx: Tx, deps: FactsDeps, drawn: Drawn, before: readonly LockedWallet[]): Promise<void> {
  const { posted, short, wallets, leases, postings } = drawn;
  const beforeById = new Map(before.map((wallet) => [wallet.walletId, wallet]));
  await Promise.all([
    short.length > 0 && deps.facts.updatePaid(tx, short),
    wallets.length > 0 && deps.journal.write(tx, { before, after: wallets, postings }),
    leases.length > 0 && deps.leases.updateLeaseAmounts(tx, leases),
    appendUsage(tx, deps.outbox, posted, noneWasLost),
    ...wallets.map((wallet) => sayLowBalance(tx, deps, beforeById.get(wallet.walletId), wallet)),
  ]);
}
