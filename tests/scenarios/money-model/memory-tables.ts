// tidy: the tables and the statements on them share one transaction, and so one closure.
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { BudgetStore } from "@lyss/services/billing/budgets/budget-store.ts";
import type { DebtStore } from "@lyss/services/billing/debts/debt-store.ts";
import type { PostedFact } from "@lyss/services/billing/fact.ts";
import type { FactStore } from "@lyss/services/billing/fact-store.ts";
import type { ChainedPosting, ChainHead, LockedWallet } from "@lyss/services/billing/journal/chain.ts";
import type { JournalStore } from "@lyss/services/billing/journal/journal-store.ts";
import type { Lease } from "@lyss/services/billing/lease.ts";
import type { LeaseStore } from "@lyss/services/billing/lease-store.ts";
import type { Hold, Usage, Wallet } from "@lyss/services/billing/model.ts";
import type { CreditLimitChange, CreditLimitStore } from "@lyss/services/billing/overdraft/credit-limit-store.ts";
import type { Price } from "@lyss/services/billing/prices/price.ts";
import type { PriceStore } from "@lyss/services/billing/prices/price-store.ts";
import type { BillingStore } from "@lyss/services/billing/store.ts";
import { createMemoryBudgets } from "./memory-budgets.ts";

/** The database went away: nobody is told what became of the transaction. */
export const databaseGone = new Error("the database is gone");

/** What goes wrong in the next transaction: it dies at its nth statement, or commits and nobody is told. */
export type Fault = { readonly kind: "die"; readonly atStatement: number } | { readonly kind: "lose answer" };

/** Of every tenant's plan. */
export const mostCreditNanos = 1_000_000_000_000_000n;

/** What a transaction has said. */
export interface SaidEvent {
  readonly type: string;
  readonly data: object;
}

type HeldRow = Hold & { readonly createdAt: Date; readonly expiresMs: number };
type LeaseRow = Lease & { readonly expiresMs: number };

/**
 * Billing's tables in memory, behind the interfaces of its stores: what the SQL says, with its constraints, and transactions
 * that happen whole or not at all. So everything above the SQL runs as it is, a thousand times as fast, and dies
 * wherever it is told to.
 */
export function createMemoryTables(clock: Clock) {
  const wallets = new Map<string, LockedWallet>();
  const prices: Price[] = [];
  const holds = new Map<string, HeldRow>();
  const leases = new Map<string, LeaseRow>();
  const usages = new Map<string, Usage>();
  const postings = new Map<string, ChainedPosting>();
  const limitChanges = new Map<string, CreditLimitChange>();
  const events: SaidEvent[] = [];
  let platform: ChainHead = { journalSequence: 0n, journalHash: "" };
  let undo: (() => void)[] = [];
  let fault: Fault | undefined;
  let statements = 0;
  let commits = 0;
  let last: Promise<unknown> = Promise.resolve();

  /** Every statement of a transaction begins with it. */
  function statement(): void {
    if (fault?.kind === "die" && ++statements >= fault.atStatement) throw databaseGone;
  }

  function put<T>(table: Map<string, T>, key: string, row: T | undefined): void {
    const before = table.get(key);
    undo.push(() => (before === undefined ? table.delete(key) : table.set(key, before)));
    if (row === undefined) table.delete(key);
    else table.set(key, row);
  }

  async function transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    undo = [];
    try {
      const result = await work(undefined as unknown as Tx);
      statement();
      if (undo.length > 0) commits++;
      undo = [];
      if (fault?.kind === "lose answer") throw databaseGone;
      return result;
    } catch (err) {
      for (const revert of undo.toReversed()) revert();
      throw err;
    } finally {
      undo = [];
    }
  }

  const db: Pick<Database, "transaction"> = {
    /** One after the other. */
    transaction(work) {
      const running = last.then(() => transact(work));
      last = running.catch(() => undefined);
      return running;
    },
  };

  const ofModel = (provider: string, model: string) =>
    prices.filter((price) => price.provider === provider && price.model === model);
  const nameOf = ({ callId, attempt }: { callId: string; attempt: number }) => `${callId}/${attempt}`;
  const ofTenants = (tenantIds: readonly string[]) =>
    [...wallets.values()]
      .filter(({ tenantId }) => tenantIds.includes(tenantId))
      .sort((a, b) => (a.walletId < b.walletId ? -1 : 1));

  const store: Partial<BillingStore> = {
    async createWallet(_tx, wallet) {
      const head = { journalSequence: 0n, journalHash: "", lockedAtUs: 0n, creditLimitNanos: 0n };
      put(wallets, wallet.walletId, { ...wallet, balanceNanos: 0n, heldNanos: 0n, ...head });
    },
    findWallet: async (tenantId) => ofTenants([tenantId])[0],
    async listWallets(_tx, tenantIds) {
      statement();
      return ofTenants(tenantIds);
    },
    async findHolds(_tx, callIds) {
      statement();
      const found = callIds.flatMap((callId) => holds.get(callId) ?? []);
      return found.map((hold) => ({ ...hold, isExpired: hold.expiresMs < clock.nowMs() }));
    },
    async insertHolds(_tx, rows, ttlMs) {
      statement();
      const createdAt = new Date(clock.nowMs());
      for (const row of rows) put(holds, row.callId, { ...row, createdAt, expiresMs: clock.nowMs() + ttlMs });
    },
    async changeHolds(_tx, rows) {
      statement();
      for (const row of rows) {
        const hold = holds.get(row.callId);
        if (hold) put(holds, row.callId, { ...hold, ...row });
      }
    },
    async deleteHolds(_tx, callIds) {
      statement();
      for (const callId of callIds) put(holds, callId, undefined);
    },
    async extendHolds(_tx, callIds, ttlMs) {
      statement();
      const open = callIds.flatMap((callId) => holds.get(callId) ?? []);
      for (const hold of open) put(holds, hold.callId, { ...hold, expiresMs: clock.nowMs() + ttlMs });
      return open.length;
    },
    listExpiredHolds: async (limit) =>
      [...holds.values()].filter(({ expiresMs }) => expiresMs < clock.nowMs()).slice(0, limit),
    async findRecentUsage(_tx, callIds) {
      statement();
      return callIds.flatMap((callId) => usages.get(`${callId}/1`) ?? []);
    },
    async findUsage(_tx, callIds) {
      statement();
      return callIds.flatMap((callId) => usages.get(`${callId}/1`) ?? []);
    },
    async putUsage(_tx, rows) {
      statement();
      for (const row of rows) {
        const known = usages.get(`${row.callId}/1`);
        if (known === undefined || known.outcome === "lost") put(usages, `${row.callId}/1`, row);
      }
    },
  };

  const priceStore: Partial<PriceStore> = {
    async findPrices(_tx, names) {
      statement();
      return names.flatMap(({ tenantId, provider, model }) => {
        const known = ofModel(provider, model);
        const price =
          known.findLast((one) => one.tenantId === tenantId) ?? known.findLast((one) => one.tenantId === "");
        return price ? [{ ...price, forTenantId: tenantId }] : [];
      });
    },
    async findHistories(_tx, { tenantId }, names) {
      statement();
      return names.map(({ provider, model }) => {
        const last = ofModel(provider, model).findLast((one) => one.tenantId === tenantId);
        const history = { current: last, lastByProvider: last, lastByCatalog: undefined, sameTime: undefined };
        return { provider, model, newestVersion: last?.version ?? 0, ...history };
      });
    },
    async insertPrices(_tx, rows) {
      statement();
      const now = new Date(clock.nowMs());
      for (const row of rows) prices.push({ ...row, effectiveAt: now, createdAt: now, isInForce: true });
      undo.push(() => prices.splice(-rows.length));
    },
    async lockPriceBook() {
      statement();
    },
    async findPricesById(_tx, priceIds) {
      statement();
      return prices.filter(({ priceId }) => priceIds.includes(priceId));
    },
  };

  const creditLimitStore: CreditLimitStore = {
    async findChange(_tx, walletId, reference) {
      statement();
      return limitChanges.get(`${walletId}/${reference}`);
    },
    async findMostNanos() {
      statement();
      return mostCreditNanos;
    },
    async insertChange(_tx, change) {
      statement();
      put(limitChanges, `${change.walletId}/${change.reference}`, change);
    },
    async updateCreditLimit(_tx, walletId, creditLimitNanos) {
      statement();
      const wallet = wallets.get(walletId);
      if (wallet) put(wallets, walletId, { ...wallet, creditLimitNanos });
    },
  };

  const journal: JournalStore = {
    async lockWallets(_tx, tenantIds) {
      statement();
      return ofTenants(tenantIds);
    },
    async updateWallets(_tx, rows) {
      statement();
      for (const row of rows) {
        if (row.heldNanos < 0n || row.heldNanos > row.balanceNanos) throw new Error("held_within_balance");
        const creditLimitNanos = wallets.get(row.walletId)?.creditLimitNanos ?? 0n;
        put(wallets, row.walletId, { lockedAtUs: 0n, creditLimitNanos, ...row });
      }
    },
    async lockPlatformChain() {
      statement();
      return { ...platform, lockedAtUs: BigInt(clock.nowMs()) * 1_000n };
    },
    async updatePlatformChain(_tx, head) {
      statement();
      const before = platform;
      undo.push(() => {
        platform = before;
      });
      platform = head;
    },
    async findPosting(_tx, { kind, reference }) {
      statement();
      return postings.get(`${kind}/${reference}`);
    },
    async insertPostings(_tx, rows) {
      statement();
      for (const row of rows) {
        if (postings.has(`${row.kind}/${row.reference}`)) throw new Error("posting_kind_reference_key");
        if (!row.postingId.startsWith("pst_")) throw new Error(`${row.postingId} is no posting's id`);
        put(postings, `${row.kind}/${row.reference}`, row);
      }
    },
  };

  const leaseStore: LeaseStore = {
    async lockLeases(_tx, leaseIds) {
      statement();
      return leaseIds.flatMap((leaseId) => leases.get(leaseId) ?? []);
    },
    async putLeases(_tx, rows, ttlMs) {
      statement();
      for (const row of rows) put(leases, row.leaseId, { ...row, expiresMs: clock.nowMs() + ttlMs });
    },
    async updateLeaseAmounts(_tx, rows) {
      statement();
      for (const { leaseId, amountNanos } of rows) {
        const lease = leases.get(leaseId);
        if (amountNanos < 0n) throw new Error("lease_amount_nanos_check");
        if (lease) put(leases, leaseId, { ...lease, amountNanos });
      }
    },
    async extendLeases(_tx, nodeId, leaseIds, ttlMs) {
      statement();
      const open = leaseIds.filter((leaseId) => leases.get(leaseId)?.nodeId === nodeId);
      for (const leaseId of open) {
        const lease = leases.get(leaseId);
        if (lease) put(leases, leaseId, { ...lease, expiresMs: clock.nowMs() + ttlMs });
      }
      return open;
    },
    listExpiredLeases: async (graceMs, limit) => [...leases.values()].filter(isOver(graceMs)).slice(0, limit),
    listLeasesOf: async (nodeId, leaseIds) =>
      leaseIds.flatMap((leaseId) => leases.get(leaseId) ?? []).filter((lease) => lease.nodeId === nodeId),
    async deleteLeasesOf(_tx, nodeId, leaseIds) {
      statement();
      const gone = leaseIds.flatMap((leaseId) => leases.get(leaseId) ?? []).filter((lease) => lease.nodeId === nodeId);
      for (const { leaseId } of gone) put(leases, leaseId, undefined);
      return gone;
    },
    async deleteExpiredLeases(_tx, leaseIds, graceMs) {
      statement();
      const gone = leaseIds.flatMap((leaseId) => leases.get(leaseId) ?? []).filter(isOver(graceMs));
      for (const { leaseId } of gone) put(leases, leaseId, undefined);
      return gone;
    },
    hasLeasedMoney: async (tenantId) =>
      [...leases.values()].some((lease) => lease.tenantId === tenantId && lease.amountNanos > 0n),
    hasLeasedShare: async () => false,
  };

  function isOver(graceMs: number) {
    return ({ expiresMs }: LeaseRow) => expiresMs + graceMs < clock.nowMs();
  }

  const facts: FactStore = {
    async insertFacts(_tx, rows) {
      statement();
      if (rows.some((row) => usages.has(nameOf(row)))) {
        throw Object.assign(new Error("usage_pkey"), { code: "23505", table_name: "usage_20260101" });
      }
      for (const row of rows) put<Usage>(usages, nameOf(row), row);
    },
    async updatePaid(_tx, rows: readonly PostedFact[]) {
      statement();
      for (const row of rows) put<Usage>(usages, nameOf(row), row);
    },
    async insertNewFacts(_tx, rows) {
      statement();
      const fresh = rows.filter((row) => !usages.has(nameOf(row)));
      for (const row of fresh) put<Usage>(usages, nameOf(row), row);
      return fresh;
    },
  };

  /** No tenant has one. */
  const budgets = createMemoryBudgets({ clock, statement, put });

  const debtStore: Partial<DebtStore> = {
    async sumAccount(_tx, account) {
      statement();
      const entries = [...postings.values()].flatMap((posting) => posting.entries);
      return entries.filter((entry) => entry.account === account).reduce((sum, entry) => sum + entry.amountNanos, 0n);
    },
  };

  const append = async (_tx: Tx, event: { readonly type: string }, data: object) => {
    statement();
    events.push({ type: event.type, data });
    undo.push(() => events.pop());
  };
  const outbox = { append } as unknown as Outbox;

  return {
    db: db as Database,
    store: store as BillingStore,
    priceStore: priceStore as PriceStore,
    budgetStore: budgets.store as BudgetStore,
    debtStore: debtStore as DebtStore,
    ...{ journal, creditLimitStore, leases: leaseStore, facts, outbox },
    /** What goes wrong from now on; undefined for nothing. Gives back how many transactions have changed something since the last call. */
    setFault(next: Fault | undefined): number {
      const changed = commits;
      [fault, statements, commits] = [next, 0, 0];
      return changed;
    },
    rows: {
      wallets: (): readonly Wallet[] => [...wallets.values()],
      holds: (): readonly Hold[] => [...holds.values()],
      budgets: budgets.budgets,
      leases: (): readonly Lease[] => [...leases.values()],
      usages: (): ReadonlyMap<string, Usage> => usages,
      postings: (): readonly ChainedPosting[] => [...postings.values()],
      events: (): readonly SaidEvent[] => events,
    },
  };
}
