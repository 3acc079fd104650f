import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import { compare } from "../compare.ts";
import type { Journal } from "../journal/journal.ts";
import type { Ledger } from "../ledger.ts";
import type { Budgets } from "./budgets.ts";
import {
  type Budget,
  type BudgetLimit,
  type BudgetPeriod,
  type BudgetScope,
  type BudgetUnit,
  type CallPath,
  rollOver,
  type ScopeKind,
  windowAt,
} from "./model.ts";

export interface BudgetOpsDeps {
  readonly db: Database;
  readonly journal: Pick<Journal, "lockWallets">;
  readonly budgets: Budgets;
  readonly idempotency: Idempotency;
  readonly ledger: Ledger;
  readonly currency: string;
}

/** Names a person's quota. */
export interface QuotaReference {
  readonly tenantId: string;
  readonly userId: string;
}

/** What one person may use. */
export interface UserQuota extends QuotaReference {
  readonly budgets: readonly Budget[];
}

export interface ListBudgetsInput extends PageRequest {
  readonly tenantId: string;
  readonly scopeKind?: ScopeKind | undefined;
  readonly scopeIds?: readonly string[] | undefined;
  readonly unit?: BudgetUnit | undefined;
  readonly period?: BudgetPeriod | undefined;
  /** Only those that apply to this caller. */
  readonly path?: CallPath | undefined;
}

interface KeyReference {
  readonly tenantId: string;
  readonly keyId: string;
}

/** What somebody has limited a key or a group to, and lifted from it. */
export interface CapInput extends BudgetScope {
  readonly set: readonly BudgetLimit[];
  readonly lifted: readonly Pick<BudgetLimit, "unit" | "period">[];
}

export const maxBudgetsPerTenant = 100_000;

/** The operations on budgets. */
export function createBudgetOps(deps: BudgetOpsDeps) {
  return {
    setBudget: (input: BudgetScope & { readonly limit: BudgetLimit }) => setBudget(deps, input),
    getBudget: (input: { tenantId: string; budgetId: string }) => getBudget(deps, input),
    listBudgets: (input: ListBudgetsInput) => listBudgets(deps, input),
    deleteBudget: (input: { tenantId: string; budgetId: string }) => deleteBudget(deps, input),
    cap: (tx: Tx, input: CapInput) => cap(deps, tx, input),
    uncapKey: (tx: Tx, input: KeyReference) => uncapKey(deps, tx, input),
    setUserQuota: (input: QuotaReference & { readonly limits: readonly BudgetLimit[] }) => setUserQuota(deps, input),
    getUserQuota: (input: QuotaReference) => getUserQuota(deps, input),
    resetUserQuota: (input: QuotaReference) => resetUserQuota(deps, input),
    checkBudgets: (input: CallPath) => checkBudgets(deps, input),
  };
}

export type BudgetOps = ReturnType<typeof createBudgetOps>;

/**
 * Caps a tenant, group, user or key. Where there is a budget for the same unit and period it gets the new limit, and keeps
 * what is used of it. In force for every call that reserves after the commit. Throws `wallet_not_found`, `too_many_budgets`.
 */
async function setBudget(
  deps: BudgetOpsDeps,
  { limit, ...scope }: BudgetScope & { limit: BudgetLimit },
): Promise<Budget> {
  const { tenantId } = scope;
  const request = { operation: "setBudget", scope: tenantId, input: { ...scope, limit } };
  const budget = await deps.idempotency.run(request, async (tx) => {
    const nowMs = await lockTenant(tx, deps, tenantId);
    const known = await deps.budgets.store.listOfScope(tx, scope);
    const put = withLimit(deps, scope, known, limit, nowMs);
    if (!known.some(({ budgetId }) => budgetId === put.budgetId)) await requireRoom(tx, deps, tenantId, 1);
    // What is set for a person is not to be joined by a default later.
    if (scope.scopeKind === "user") await deps.budgets.store.claimQuotas(tx, tenantId, [scope.scopeId]);
    await deps.budgets.put(tx, tenantId, [put]);
    return put;
  });
  deps.ledger.wake(tenantId);
  return budget;
}

/**
 * Caps a key or a group as its limits say, in the caller's transaction; other budgets of it stay. A repeat is safe. Throws
 * `wallet_not_found`, `too_many_budgets`.
 */
async function cap(deps: BudgetOpsDeps, tx: Tx, { set, lifted, ...scope }: CapInput): Promise<void> {
  const { budgets } = deps;
  const { tenantId } = scope;
  const nowMs = await lockTenant(tx, deps, tenantId);
  const known = await budgets.store.listOfScope(tx, scope);
  const gone = known.filter(({ unit, period }) => lifted.some((each) => each.unit === unit && each.period === period));
  const goneIds = gone.map(({ budgetId }) => budgetId);
  await budgets.store.deleteBudgets(tx, tenantId, goneIds);
  const wanted = set.map((limit) => withLimit(deps, scope, known, limit, nowMs));
  const isNew = ({ budgetId }: Budget) => !known.some((budget) => budget.budgetId === budgetId);
  await requireRoom(tx, deps, tenantId, wanted.filter(isNew).length);
  await budgets.put(tx, tenantId, wanted);
}

/** Takes out the budgets of a key that is gone for good, whoever set them. A repeat is safe. */
async function uncapKey(deps: BudgetOpsDeps, tx: Tx, { tenantId, keyId }: KeyReference): Promise<void> {
  const { budgets } = deps;
  const scope = { tenantId, scopeKind: "key", scopeId: keyId } as const;
  // A tenant without budgets need not have a wallet to lock.
  if ((await budgets.store.listOfScope(tx, scope)).length === 0) return;
  await lockTenant(tx, deps, tenantId);
  const known = await budgets.store.listOfScope(tx, scope);
  const ids = known.map(({ budgetId }) => budgetId);
  await budgets.store.deleteBudgets(tx, tenantId, ids);
  await budgets.put(tx, tenantId, []);
}

/** Throws `budget_not_found`. */
async function getBudget(
  { budgets: { store }, db }: BudgetOpsDeps,
  { tenantId, budgetId }: { tenantId: string; budgetId: string },
): Promise<Budget> {
  const budget = await store.findBudget(db.sql, tenantId, budgetId);
  if (!budget) throw new Failure(billingFailures.budget_not_found);
  return rollOver(budget, await store.readNowMs(db.sql));
}

/** A tenant's budgets, newest first, each in its current period. */
async function listBudgets({ budgets: { store }, db }: BudgetOpsDeps, input: ListBudgetsInput): Promise<Page<Budget>> {
  const { limit, cursor, ...filter } = input;
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const found = await store.listBudgets({ ...filter, afterId, limit: limit + 1 });
  const nowMs = await store.readNowMs(db.sql);
  const rows = found.map((budget) => rollOver(budget, nowMs));
  return toPage(rows, limit, ({ budgetId }) => [budgetId]);
}

/** Nothing is capped by it afterwards. Throws `budget_not_found`, also when it is repeated. */
async function deleteBudget(deps: BudgetOpsDeps, input: { tenantId: string; budgetId: string }): Promise<void> {
  const { tenantId, budgetId } = input;
  await deps.db.transaction(async (tx) => {
    await lockTenant(tx, deps, tenantId);
    const deleted = await deps.budgets.store.deleteBudgets(tx, tenantId, [budgetId]);
    if (deleted === 0) throw new Failure(billingFailures.budget_not_found);
    await deps.budgets.put(tx, tenantId, []);
  });
  deps.ledger.wake(tenantId);
}

/**
 * Makes these the person's limits, and no others. What is used in a period stays used where unit and period stay. Throws
 * `wallet_not_found`, `too_many_budgets`.
 */
function setUserQuota(
  deps: BudgetOpsDeps,
  { limits, ...reference }: QuotaReference & { limits: readonly BudgetLimit[] },
): Promise<UserQuota> {
  return replaceQuota(deps, "setUserQuota", reference, limits);
}

/** Makes the configured default the person's limits. Throws what `setUserQuota` throws. */
function resetUserQuota(deps: BudgetOpsDeps, reference: QuotaReference): Promise<UserQuota> {
  return replaceQuota(deps, "resetUserQuota", reference, deps.budgets.defaultLimits);
}

async function replaceQuota(
  deps: BudgetOpsDeps,
  operation: string,
  { tenantId, userId }: QuotaReference,
  limits: readonly BudgetLimit[],
): Promise<UserQuota> {
  const { budgets } = deps;
  const scope = { tenantId, scopeKind: "user", scopeId: userId } as const;
  const request = { operation, scope: tenantId, input: { userId, limits } };
  const quota = await deps.idempotency.run(request, async (tx) => {
    const nowMs = await lockTenant(tx, deps, tenantId);
    await budgets.store.claimQuotas(tx, tenantId, [userId]);
    const known = await budgets.store.listOfScope(tx, scope);
    const wanted = limits.map((limit) => withLimit(deps, scope, known, limit, nowMs));
    const ids = new Set(wanted.map(({ budgetId }) => budgetId));
    const gone = known.map(({ budgetId }) => budgetId).filter((id) => !ids.has(id));
    await budgets.store.deleteBudgets(tx, tenantId, gone);
    await requireRoom(tx, deps, tenantId, wanted.length - (known.length - gone.length));
    await budgets.put(tx, tenantId, wanted);
    return { tenantId, userId, budgets: wanted.toSorted(byName) };
  });
  deps.ledger.wake(tenantId);
  return quota;
}

/** As the store lists them. */
function byName(a: Budget, b: Budget): number {
  return a.unit === b.unit ? compare(a.period, b.period) : compare(a.unit, b.unit);
}

/** What the person may use, and how much of it is used. Somebody whose quota nobody has set has the default. */
async function getUserQuota({ budgets, db }: BudgetOpsDeps, { tenantId, userId }: QuotaReference): Promise<UserQuota> {
  const scope = { tenantId, scopeKind: "user", scopeId: userId } as const;
  const { store, defaultLimits } = budgets;
  const nowMs = await store.readNowMs(db.sql);
  const found = await store.listOfScope(db.sql, scope);
  const isSet = found.length > 0 || defaultLimits.length === 0 || (await store.hasQuota(tenantId, userId));
  const shown = isSet ? found : defaultLimits.map((limit) => ({ ...budgets.begin(scope, limit, nowMs), budgetId: "" }));
  return { tenantId, userId, budgets: shown.map((budget) => rollOver(budget, nowMs)) };
}

/** Of which kinds the budgets are that calls on this path must fit into: none, and a lease of the tenant's pays for them. */
async function checkBudgets({ budgets }: BudgetOpsDeps, path: CallPath): Promise<ReadonlySet<ScopeKind>> {
  const kinds = new Set(await budgets.store.listKindsOf(path));
  // Somebody new may have none yet, and gets some with the first call.
  if (path.userId !== "" && budgets.defaultLimits.length > 0) kinds.add("user");
  return kinds;
}

/** Holds up whoever would change amounts of the tenant's budgets. Gives the time. Throws `wallet_not_found`. */
async function lockTenant(tx: Tx, { journal, budgets, currency }: BudgetOpsDeps, tenantId: string): Promise<number> {
  const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
  if (!wallet) throw new Failure(billingFailures.wallet_not_found);
  return budgets.store.readNowMs(tx);
}

async function requireRoom(tx: Tx, { budgets }: BudgetOpsDeps, tenantId: string, more: number): Promise<void> {
  if (more <= 0) return;
  const count = await budgets.store.countBudgets(tx, tenantId, maxBudgetsPerTenant);
  if (count + more > maxBudgetsPerTenant) {
    throw new Failure(billingFailures.too_many_budgets, { most: maxBudgetsPerTenant });
  }
}

/** The known budget of that unit and period with another limit, or a new one. */
function withLimit(
  { budgets }: BudgetOpsDeps,
  scope: BudgetScope,
  known: readonly Budget[],
  limit: BudgetLimit,
  nowMs: number,
): Budget {
  const wanted = { ...limit, ...(limit.alertPercents.length === 0 && { alertPercents: budgets.defaultAlertPercents }) };
  const found = known.find(({ unit, period }) => unit === limit.unit && period === limit.period);
  if (!found) return budgets.begin(scope, wanted, nowMs);
  const current = rollOver(found, nowMs);
  // The period goes on to where the next one begins by the new calendar; what calls hold in it stays in it.
  const window = { startsAt: current.window.startsAt, endsAt: windowAt(limit, nowMs).endsAt };
  return { ...current, ...wanted, window, updatedAt: new Date(nowMs) };
}
