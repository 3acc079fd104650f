import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { silentLog, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { createBudgets } from "@lyss/services/billing/budgets/budgets.ts";
import type { BudgetLimit, BudgetScope } from "@lyss/services/billing/budgets/model.ts";
import type { CreditParts } from "@lyss/services/billing/credit-parts.ts";
import type { BillingDeps } from "@lyss/services/billing/deps.ts";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { createJournal } from "@lyss/services/billing/journal/journal.ts";
import { createLedger } from "@lyss/services/billing/ledger.ts";
import { type BillingOps, createBillingOps } from "@lyss/services/billing/ops.ts";
import { sayOverdraft } from "@lyss/services/billing/overdraft/overdraft.ts";
import {
  type CreditLimitDeps,
  type SetCreditLimitInput,
  setCreditLimit,
} from "@lyss/services/billing/overdraft/set-credit-limit.ts";
import { createPriceVersions } from "@lyss/services/billing/prices/price-versions.ts";
import { billing } from "@lyss/services/billing/service.ts";
import type { DayStore } from "@lyss/services/billing/usage/day-store.ts";
import { createMemoryTables, databaseGone, type Fault, mostCreditNanos } from "./memory-tables.ts";
import type { State, Terms } from "./reference.ts";
import { type Cap, nameOf } from "./reference-budgets.ts";

/** How an operation ended. */
export interface Ending<T> {
  /** Undefined when the answer was lost. */
  readonly answer: T | string | undefined;
  /** False when nothing of it has happened. */
  readonly isApplied: boolean;
}

/** The money system under test. */
export interface MoneySystem {
  readonly ops: BillingOps;
  /** Does an operation with a fault. A refusal is answered with its code; an error that is no refusal is thrown. */
  attempt<T>(fault: Fault | undefined, work: (ops: BillingOps) => Promise<T>): Promise<Ending<T>>;
  /** Makes holds and leases older; the clock of the nodes is moved by whoever calls this. */
  age(durationMs: number): Promise<void>;
  /** Billing's process dies and another takes its place. */
  restart(): void;
  /** Opens a wallet, of a tenant that may be given credit. */
  createWallet(tenantId: string): Promise<void>;
  /** Caps a tenant's calls, or those of a key. */
  addCap(cap: Cap): Promise<void>;
  /** As the reference tells it. */
  state(tenantIds: readonly string[]): Promise<State>;
}

const currency = "USD";

/** Everything of billing above its SQL, on tables in memory. */
export function createMemorySystem(clock: Clock, random: Random, terms: Terms): MoneySystem {
  const tables = createMemoryTables(clock);
  const { db, store, priceStore, leases, facts, outbox } = tables;
  const journal = createJournal(tables.journal, (tx, before, balanceNanos) =>
    sayOverdraft(tx, outbox, before, balanceNanos),
  );
  const { holdTtlMs, leaseTtlMs, comfortableOutputTokens } = terms;
  const limits = { defaultLimits: [], defaultAlertPercents: [] };
  const budgets = createBudgets({ store: tables.budgetStore, outbox, random, ...limits });
  // Every day that a call may begin on has its place.
  const days = { openUsual: async () => undefined, open: async () => [] } as unknown as DayStore;
  const parts = { db, store, journal, leases, outbox, clock, random, priceStore, budgets, days };
  const times = { currency, holdTtlMs, leaseTtlMs, lowBalanceNanos: 0n };
  const start = () => {
    const shared = { ...parts, ...times, priceVersions: createPriceVersions(priceStore) };
    const ledger = createLedger({ ...shared, comfortableOutputTokens, reserveWaitMs: 0, maxBatchSize: 500 });
    const idempotency: Pick<Idempotency, "run"> = { run: (_request, work) => db.transaction(work) };
    // Usage by hour and payments are no part of it.
    const deps = { ...shared, ledger, facts, idempotency, debts: tables.debtStore, log: silentLog };
    const none = undefined as never;
    const limitDeps = { ...deps, creditLimits: tables.creditLimitStore } as unknown as CreditLimitDeps;
    const credit = { setCreditLimit: (input: SetCreditLimitInput) => setCreditLimit(limitDeps, input) };
    return createBillingOps(deps as unknown as BillingDeps, none, credit as unknown as CreditParts);
  };
  let ops = start();

  return {
    get ops() {
      return ops;
    },
    async attempt(fault, work) {
      tables.setFault(fault);
      try {
        return { answer: await work(ops), isApplied: true };
      } catch (err) {
        if (err === databaseGone) return { answer: undefined, isApplied: tables.setFault(undefined) > 0 };
        return { answer: codeOf(err), isApplied: true };
      } finally {
        tables.setFault(undefined);
      }
    },
    createWallet: async (tenantId) => void (await ops.createWallet({ tenantId })),
    age: async () => undefined,
    addCap: (cap) =>
      db.transaction((tx) =>
        tables.budgetStore.putBudgets(tx, [budgets.begin(scopeOf(cap), limitOf(cap), clock.nowMs())]),
      ),
    restart() {
      ops = start();
    },
    async state(tenantIds) {
      const state: Record<string, string> = {};
      const paid = new Map<string, bigint>();
      for (const { account, amountNanos } of tables.rows.postings().flatMap(({ entries }) => entries)) {
        paid.set(account, (paid.get(account) ?? 0n) + amountNanos);
      }
      for (const { tenantId, walletId, balanceNanos, heldNanos } of tables.rows.wallets()) {
        if (!tenantIds.includes(tenantId)) continue;
        state[tenantId] = `${balanceNanos} of which held ${heldNanos}`;
        state[`${tenantId} journal`] = `${paid.get(accounts.wallet(walletId)) ?? 0n}`;
      }
      for (const { callId, amountNanos } of tables.rows.holds()) state[`hold ${callId}`] = `${amountNanos}`;
      for (const { tenantId, scopeKind, scopeId, unit, used, reserved } of tables.rows.budgets()) {
        state[`budget ${nameOf(tenantId, scopeKind === "key" ? scopeId : "", unit)}`] =
          `${used} used, ${reserved} reserved`;
      }
      for (const { leaseId, amountNanos, changeNumber } of tables.rows.leases()) {
        state[`lease ${leaseId}`] = `${amountNanos} after ${changeNumber}`;
      }
      for (const [name, { outcome, costNanos, uncollectedNanos }] of tables.rows.usages()) {
        state[`use ${name}`] = `${outcome} ${costNanos} ${uncollectedNanos}`;
      }
      return state;
    },
  };
}

/** Billing as it is, on PostgreSQL. Time goes on by itself a little: what ages must not stand near its end. */
export async function startRealSystem(t: TestScope, terms: Terms): Promise<MoneySystem> {
  const { holdTtlMs, leaseTtlMs } = terms;
  const comfortableOutputTokens = Number(terms.comfortableOutputTokens);
  const config = { billing: { reserveWaitMs: 0, holdTtlMs, leaseTtlMs, comfortableOutputTokens, lowBalance: "0" } };
  const { ops, sql } = await startTestService(t, billing, { clients: {}, config, clock: systemClock });
  const plan = { name: "credit", description: "", markupPpm: 0, maxCreditLimitNanos: mostCreditNanos };
  await ops.putPlan(plan);
  return {
    ops,
    async createWallet(tenantId) {
      await ops.createWallet({ tenantId });
      await ops.assignPlan({ ...plan, tenantId });
    },
    async attempt(fault, work) {
      if (fault?.kind === "die") return { answer: undefined, isApplied: false };
      const answer = await work(ops).catch(codeOf);
      return { answer: fault ? undefined : answer, isApplied: true };
    },
    async age(durationMs) {
      const older = sql`interval '1 millisecond' * ${String(durationMs)}::float8`;
      await sql`update hold set expires_at = expires_at - ${older}`;
      await sql`update lease set expires_at = expires_at - ${older}`;
    },
    addCap: async (cap) => void (await ops.setBudget({ ...scopeOf(cap), limit: limitOf(cap) })),
    restart: () => undefined,
    async state(tenantIds) {
      const lines = await sql<{ name: string; value: string }[]>`
        select tenant_id as name, balance_nanos || ' of which held ' || held_nanos as value
        from wallet where tenant_id = any(${tenantIds as string[]})
        union all select tenant_id || ' journal', coalesce(
          (select sum(amount_nanos) from entry where account = 'wallet:' || wallet_id), 0)::text
        from wallet where tenant_id = any(${tenantIds as string[]})
        union all select 'hold ' || call_id, amount_nanos::text from hold where tenant_id = any(${tenantIds as string[]})
        union all select 'lease ' || lease_id, amount_nanos || ' after ' || change_number
        from lease where tenant_id = any(${tenantIds as string[]})
        union all select 'budget ' || concat_ws(' ', tenant_id, case scope_kind when 'key' then scope_id else '' end, unit),
          used_amount || ' used, ' || reserved_amount || ' reserved'
        from budget where tenant_id = any(${tenantIds as string[]})
        union all select 'use ' || call_id || '/' || attempt, outcome || ' ' || cost_nanos || ' ' || uncollected_nanos
        from usage where tenant_id = any(${tenantIds as string[]})`;
      // Of two lines with one name both are told.
      const byName = Map.groupBy(lines, ({ name }) => name);
      return Object.fromEntries([...byName].map(([name, all]) => [name, all.map(({ value }) => value).join(" and ")]));
    },
  };
}

function scopeOf({ tenantId, keyId }: Cap): BudgetScope {
  return keyId === ""
    ? { tenantId, scopeKind: "tenant", scopeId: tenantId }
    : { tenantId, scopeKind: "key", scopeId: keyId };
}

function limitOf({ unit, limit }: Cap): BudgetLimit {
  return { unit, limit, period: "total", timeZone: "UTC", resetDay: 1, alertPercents: [] };
}

/** The code of a refusal. Throws what is none. */
function codeOf(err: unknown): string {
  if (err instanceof Failure) return err.type.code;
  throw err;
}
