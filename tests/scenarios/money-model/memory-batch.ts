import type { Tx } from "@lyss/kit/db/database.ts";
import type { Failure } from "@lyss/kit/errors/failure.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { applyBatch, type BatchOptions, type BatchRequests } from "@lyss/services/billing/batch.ts";
import { type BookEntries, type BudgetBook, createBudgetBook } from "@lyss/services/billing/budgets/budget-book.ts";
import type { Budgets } from "@lyss/services/billing/budgets/budgets.ts";
import type { Budget } from "@lyss/services/billing/budgets/model.ts";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { createJournal } from "@lyss/services/billing/journal/journal.ts";
import { move } from "@lyss/services/billing/journal/posting.ts";
import type { LeaseAnswer } from "@lyss/services/billing/lease.ts";
import type { ReserveRequest, SettleRequest } from "@lyss/services/billing/ledger-requests.ts";
import { noTokens } from "@lyss/services/billing/model.ts";
import { everyone, type NewPrice } from "@lyss/services/billing/prices/price.ts";
import { createPriceVersions } from "@lyss/services/billing/prices/price-versions.ts";
import { createMemoryTables } from "./memory-tables.ts";

export const startMs = Date.UTC(2026, 2, 10, 12);
export const tx = undefined as unknown as Tx;
const nobodyWaits = { tenantIds: new Set<string>(), budgetIds: new Set<string>() };
const none: BatchRequests = { reserves: [], raises: [], settles: [], leaseChanges: [], awaited: nobodyWaits };

/** Which of its methods are used is noted. */
function noting<T extends object>(things: T, notes: string[]): T {
  return new Proxy(things, {
    get(target, name, receiver) {
      if (Reflect.has(target, name)) notes.push(String(name));
      return Reflect.get(target, name, receiver);
    },
  });
}

/** Billing's tables in memory, with a tenant of so much money and a model at one nano per input and two per output token. */
export async function start(balanceNanos: bigint, entries: Partial<BookEntries> = {}) {
  const clock = createFakeClock(startMs);
  const random = createRandom(clock);
  const tables = createMemoryTables(clock);
  const journal = createJournal(tables.journal);
  const sent: string[] = [];
  const opened: unknown[] = [];
  const books: BudgetBook[] = [];
  const budgets: Pick<Budgets, "listBudgetedTenants" | "openBook" | "writeBook"> = {
    listBudgetedTenants: async (_tx, tenantIds) => tenantIds,
    async openBook(_tx, request) {
      opened.push(request);
      const book = createBudgetBook({ nowMs: startMs, budgets: [], memberships: [], holds: [], ...entries });
      books.push(book);
      return book;
    },
    writeBook: async () => void sent.push("writeBook"),
  };
  const options: BatchOptions = {
    ...{ store: noting(tables.store, sent), priceStore: noting(tables.priceStore, sent), clock, random },
    ...{ priceVersions: createPriceVersions(noting(tables.priceStore, sent)), journal: noting(journal, sent) },
    ...{ leases: noting(tables.leases, sent), budgets: budgets as Budgets, outbox: tables.outbox },
    ...{ currency: "USD", holdTtlMs: 60_000, leaseTtlMs: 30_000, comfortableOutputTokens: 20n, lowBalanceNanos: 50n },
  };
  const price: NewPrice = {
    ...{ priceId: "prc_1", provider: "p", model: "m", version: 1, currency: "USD", origin: "operator", ...everyone },
    ...{ terms: { rates: { input: 1_000_000n, output: 2_000_000n } }, effectiveAt: undefined },
  };
  const putPrice = (more: Partial<NewPrice>) => tables.priceStore.insertPrices(tx, [{ ...price, ...more }]);
  await putPrice({});
  for (const [tenantId, amountNanos] of [
    ["ten_1", balanceNanos],
    ["ten_2", 1_000n],
  ] as const) {
    const walletId = tenantId.replace("ten", "wal");
    await tables.store.createWallet(tx, { walletId, tenantId, currency: "USD" });
    if (amountNanos === 0n) continue;
    const names = { postingId: random.id("pst"), kind: "top_up", reference: walletId, currency: "USD" } as const;
    const locked = await journal.lockWallets(tx, [tenantId], "USD");
    await journal.post(tx, locked, [
      { ...names, entries: move(accounts.manual, accounts.wallet(walletId), amountNanos) },
    ]);
  }
  const paidIn = tables.rows.postings().length;
  const { store, leases, priceVersions, outbox, currency, lowBalanceNanos, leaseTtlMs } = options;
  const facts = noting(tables.facts, sent);
  return {
    ...{ clock, tables, opened, books, putPrice, options },
    /** What operations are given, apart from what a test is about. */
    deps: {
      ...{ db: tables.db, store, journal: options.journal, leases, facts, budgets: options.budgets, outbox, random },
      ...{ currency, lowBalanceNanos, leaseTtlMs, priceVersions },
    },
    async apply(requests: Partial<BatchRequests>) {
      sent.length = 0;
      return applyBatch(tx, options, { ...none, ...requests });
    },
    takeSent: () => sent.splice(0),
    moneyOf(tenantId = "ten_1") {
      const wallet = tables.rows.wallets().find((one) => one.tenantId === tenantId);
      return [wallet?.balanceNanos, wallet?.heldNanos];
    },
    postings: () =>
      tables.rows
        .postings()
        .slice(paidIn)
        .map(({ kind, reference, entries }) => ({ kind, reference, entries })),
  };
}

export const callOf = (callId: string, more: Partial<ReserveRequest> = {}): ReserveRequest => ({
  ...{ callId, requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m" },
  ...{ inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n, ...more },
});
export const endOf = (callId: string, more: Partial<SettleRequest> = {}): SettleRequest => ({
  ...{ callId, tenantId: "ten_1", outcome: "completed", isEstimated: false, latencyMs: 7n },
  ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 15n, ...more },
});
export const lostOf = (callId: string) =>
  endOf(callId, { ...noTokens, outcome: "lost", isEstimated: true, latencyMs: 0n });
export const budgetOf = (more: Partial<Budget>): Budget => ({
  ...{ budgetId: "bud_1", tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", unit: "money", limit: 1_000n },
  ...{ period: "total", timeZone: "UTC", resetDay: 1, window: { startsAt: new Date(0), endsAt: null } },
  ...{ alertPercents: [], alertedPercent: 0, isRefusalSaid: false, used: 0n, reserved: 0n },
  ...{ createdAt: new Date(0), updatedAt: new Date(0), ...more },
});
export const moneyIn = (answer: LeaseAnswer | Failure) =>
  "amounts" in answer ? answer.amounts.money : answer.type.code;
export const codeOf = (result: { readonly kind: string; readonly failure?: Failure } | undefined) =>
  result && "failure" in result && result.failure ? result.failure.type.code : result?.kind;
