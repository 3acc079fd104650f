import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { BudgetBook } from "./budgets/budget-book.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { spentOf } from "./budgets/spent.ts";
import { compare } from "./compare.ts";
import { type Drawn, drawFacts, priceFacts } from "./draw-facts.ts";
import { type Fact, nameOf } from "./fact.ts";
import type { FactStore } from "./fact-store.ts";
import type { LockedWallet } from "./journal/chain.ts";
import type { Journal } from "./journal/journal.ts";
import type { LeaseStore } from "./lease-store.ts";
import type { PriceVersions } from "./prices/price-versions.ts";
import { sayLowBalance } from "./say-low-balance.ts";
import type { BillingStore } from "./store.ts";
import type { DayStore } from "./usage/day-store.ts";
import { type Day, dayOf, isDayMissing, isKnownAttempt } from "./usage/usage-days.ts";
import { appendUsage } from "./usage/usage-log.ts";

export interface FactsDeps {
  readonly db: Database;
  readonly store: BillingStore;
  readonly journal: Journal;
  readonly leases: LeaseStore;
  readonly facts: FactStore;
  readonly budgets: Budgets;
  readonly days: DayStore;
  readonly log: Logger;
  readonly outbox: Outbox;
  readonly random: Random;
  readonly currency: string;
  readonly lowBalanceNanos: bigint;
  readonly priceVersions: PriceVersions;
}

/** An attempt is posted once: what was recorded as lost stays so. */
const noneWasLost: ReadonlySet<string> = new Set();
/** The days of the facts may be missing, and some of them known: another try for each, and room for days that go meanwhile. */
const maxTries = 4;

/**
 * Charges attempts that were drawn from leases: usage rows, what is left of each lease, wallets, one posting per wallet, in
 * one transaction. An attempt that was posted before changes nothing, whoever repeats it; so does one of a day whose usage
 * is no longer kept, for it cannot be told from a repeat. What an attempt cost beyond its lease is taken from what the
 * wallet has available, and beyond that recorded as uncollected. A lease that is no more is one in which nothing is left.
 * Throws `price_unknown` and `wallet_not_found`.
 */
export async function postFacts(
  deps: FactsDeps,
  facts: readonly Fact[],
): Promise<{ readonly uncollectedNanos: bigint; readonly repeated: number }> {
  let wanted = inOneOrder(facts);
  let areSomeKnown = false;
  for (let tries = 1; wanted.length > 0; tries++) {
    try {
      const { drawn } = await deps.db.transaction((tx) => postInside(tx, deps, wanted, areSomeKnown));
      return { uncollectedNanos: drawn.uncollectedNanos, repeated: facts.length - drawn.posted.length };
    } catch (err) {
      if (tries === maxTries) throw err;
      // Both come after a crash, a lost answer or a long pause only: looking for them each time would cost more than the rest.
      if (isKnownAttempt(err)) areSomeKnown = true;
      else if (isDayMissing(err)) wanted = await withOpenDays(deps, wanted);
      else throw err;
    }
  }
  return { uncollectedNanos: 0n, repeated: facts.length };
}

/** Opens the days of the facts. Leaves out those of days that are gone. */
async function withOpenDays({ days, log }: FactsDeps, facts: readonly Fact[]): Promise<readonly Fact[]> {
  const gone = new Set(await days.open([...new Set(facts.map(dayOfFact))]));
  const kept = facts.filter((fact) => !gone.has(dayOfFact(fact)));
  const lateCallIds = facts.filter((fact) => gone.has(dayOfFact(fact))).map(({ callId }) => callId);
  if (lateCallIds.length > 0) {
    const some = { count: lateCallIds.length, call_ids: lateCallIds.slice(0, 10), days: [...gone] };
    log.error(some, "usage came after its day was dropped by billing.usageRetentionDays, and is not charged");
  }
  return kept;
}

function dayOfFact({ startedAtMs }: Fact): Day {
  return dayOf(Number(startedAtMs));
}

const msPerDay = 86_400_000n;

/**
 * Each attempt once. Whoever posts a row that another transaction is about to commit waits for it: in one order everywhere,
 * so that two never wait for each other in a circle. By day first, for COPY writes what it has read for one day together.
 */
function inOneOrder(facts: readonly Fact[]): readonly Fact[] {
  const byName = new Map(facts.map((fact) => [nameOf(fact), { fact, day: fact.startedAtMs / msPerDay }]));
  const sorted = [...byName].sort(([a, one], [b, other]) =>
    one.day === other.day ? compare(a, b) : compare(one.day, other.day),
  );
  return sorted.map(([, { fact }]) => fact);
}

/**
 * Charges facts inside `tx`: all of them, and `tx` is lost if one was posted before; or with `areSomeKnown` those that were not.
 * Gives what was drawn, and the wallets as they were. The rows, which are nearly all of the work, are written before the wallets are locked: a wallet of many nodes is
 * locked for moments.
 */
export async function postInside(
  tx: Tx,
  deps: FactsDeps,
  facts: readonly Fact[],
  areSomeKnown: boolean,
): Promise<{ readonly drawn: Drawn; readonly before: readonly LockedWallet[] }> {
  const { store, random, currency } = deps;
  const tenantIds = [...new Set(facts.map(({ tenantId }) => tenantId))];
  const leaseIds = [...new Set(facts.map(({ leaseId }) => leaseId))];
  const [payers, prices] = await Promise.all([
    store.listWallets(tx, tenantIds, currency),
    deps.priceVersions.find(tx, new Set(facts.map(({ priceId }) => priceId))),
  ]);
  const priced = priceFacts(facts, { prices, wallets: payers, random });
  const fresh = areSomeKnown ? await deps.facts.insertNewFacts(tx, priced) : priced;
  if (!areSomeKnown) await deps.facts.insertFacts(tx, priced);

  // Sent together and executed in order: what follows the lock sees what the lock waited for.
  const [wallets, budgetedTenantIds, leases] = await Promise.all([
    deps.journal.lockWallets(tx, tenantIds, currency),
    deps.budgets.listBudgetedTenants(tx, tenantIds),
    deps.leases.lockLeases(tx, leaseIds),
  ]);
  const drawn = drawFacts(fresh, { wallets, leases });
  const book = await deps.budgets.openBook(tx, { budgetedTenantIds, calls: fresh, holderIds: leaseIds });
  for (const fact of drawn.posted) book.charge(fact, Number(fact.startedAtMs), spentOf(fact));
  await write(tx, deps, drawn, wallets, book);
  return { drawn, before: wallets };
}

async function write(
  tx: Tx,
  deps: FactsDeps,
  drawn: Drawn,
  before: readonly LockedWallet[],
  book: BudgetBook,
): Promise<void> {
  const { posted, short, wallets, leases, postings } = drawn;
  const beforeById = new Map(before.map((wallet) => [wallet.walletId, wallet]));
  await Promise.all([
    short.length > 0 && deps.facts.updatePaid(tx, short),
    wallets.length > 0 && deps.journal.write(tx, { before, after: wallets, postings }),
    leases.length > 0 && deps.leases.updateLeaseAmounts(tx, leases),
    appendUsage(tx, deps.outbox, posted, noneWasLost),
    deps.budgets.writeBook(tx, book),
    ...wallets.map((wallet) => sayLowBalance(tx, deps, beforeById.get(wallet.walletId), wallet)),
  ]);
}
