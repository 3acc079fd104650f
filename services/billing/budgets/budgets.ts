import { budgetsChanged, budgetThresholdReached, quotaExceeded } from "@lyss/contracts/events/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { type BudgetBook, createBudgetBook } from "./budget-book.ts";
import { toBudgetFacts } from "./budget-message.ts";
import type { BudgetStore } from "./budget-store.ts";
import { type Budget, type BudgetLimit, type BudgetScope, type CallPath, reachedPercent, windowAt } from "./model.ts";

/** Which calls a transaction is about. */
export interface BookRequest {
  /** Those of the transaction's tenants that have a budget, as read behind the wallets' locks. */
  readonly budgetedTenantIds: readonly string[];
  /** Calls that want to be admitted, or are charged without a hold of their own. */
  readonly calls: readonly CallPath[];
  /** Calls that hold something, and end or want more; leases that are drawn from or changed. */
  readonly holderIds: readonly string[];
}

/** Budgets within the transactions that hold, charge and free money. All of it under the locks of the tenants' wallets. */
export interface Budgets {
  readonly store: BudgetStore;
  /** What each person gets whose quota nobody has set. */
  readonly defaultLimits: readonly BudgetLimit[];
  /** For a limit that names no marks. */
  readonly defaultAlertPercents: readonly number[];
  /** To be sent with the locks of the wallets, for `openBook`. */
  listBudgetedTenants(tx: Tx, tenantIds: readonly string[]): Promise<readonly string[]>;
  /** Locks and reads what the calls need. People seen for the first time have their default quota afterwards. */
  openBook(tx: Tx, request: BookRequest): Promise<BudgetBook>;
  /** Writes what the book has decided, and says what is to be said of it. */
  writeBook(tx: Tx, book: BudgetBook): Promise<void>;
  /** A budget that begins now. */
  begin(scope: BudgetScope, limit: BudgetLimit, nowMs: number): Budget;
  /** Writes budgets with new limits, says so to the nodes, and what of them is used up already. */
  put(tx: Tx, tenantId: string, budgets: readonly Budget[]): Promise<void>;
  /** Tells the nodes that other calls than before must fit into budgets. */
  sayChanged(tx: Tx, tenantId: string): Promise<void>;
}

const maxKnownUsers = 100_000;
const emptyBook = { budgets: [], memberships: [], holds: [] } as const;

export function createBudgets(deps: {
  readonly store: BudgetStore;
  readonly outbox: Outbox;
  readonly random: Random;
  readonly defaultLimits: readonly BudgetLimit[];
  readonly defaultAlertPercents: readonly number[];
}): Budgets {
  const { store, outbox, random, defaultLimits, defaultAlertPercents } = deps;
  /** Whose quota is set, as committed transactions tell: a mark is never taken away. */
  const knownUsers = new Set<string>();

  /** Before the budgets are read, so that the first calls of a new person meet the default like all later ones. */
  async function giveDefaults(tx: Tx, calls: readonly CallPath[]): Promise<readonly string[]> {
    if (defaultLimits.length === 0) return [];
    const nameOf = ({ tenantId, userId }: CallPath) => JSON.stringify([tenantId, userId]);
    const fresh = calls.filter((call) => call.userId !== "" && !knownUsers.has(nameOf(call)));
    if (fresh.length === 0) return [];
    const nowMs = await store.readNowMs(tx);
    const givenIn: string[] = [];
    for (const [tenantId, ofTenant] of Map.groupBy(fresh, (call) => call.tenantId)) {
      const userIds = [...new Set(ofTenant.map(({ userId }) => userId))];
      const given = new Set(await claimDefault(tx, tenantId, userIds, nowMs));
      if (given.size > 0) givenIn.push(tenantId);
      if (knownUsers.size > maxKnownUsers) knownUsers.clear();
      // What this transaction gives is not known before it commits; the next one finds it.
      for (const userId of userIds) if (!given.has(userId)) knownUsers.add(JSON.stringify([tenantId, userId]));
    }
    return givenIn;
  }

  /** Gives those among the people the default quota who have none. */
  async function claimDefault(tx: Tx, tenantId: string, userIds: readonly string[], nowMs: number) {
    const claimed = await store.claimQuotas(tx, tenantId, userIds);
    const given = claimed.flatMap((userId) =>
      defaultLimits.map((limit) => begin({ tenantId, scopeKind: "user", scopeId: userId }, limit, nowMs)),
    );
    if (given.length > 0) await store.putBudgets(tx, given);
    return claimed;
  }

  function begin(scope: BudgetScope, limit: BudgetLimit, nowMs: number): Budget {
    const now = new Date(nowMs);
    return {
      ...{ budgetId: random.id("bud"), ...scope, ...limit, window: windowAt(limit, nowMs), used: 0n, reserved: 0n },
      ...{ alertedPercent: 0, isRefusalSaid: false, createdAt: now, updatedAt: now },
    };
  }

  const sayChanged = (tx: Tx, tenantId: string) => outbox.append(tx, budgetsChanged, { tenantId });

  /** The budget with its alert noted, and the event where a mark is newly reached. */
  function alert(tx: Tx, budget: Budget): { readonly budget: Budget; readonly said: Promise<void> | undefined } {
    const percent = reachedPercent(budget);
    if (percent <= budget.alertedPercent) return { budget, said: undefined };
    const event = { tenantId: budget.tenantId, budget: toBudgetFacts(budget), percent };
    return { budget: { ...budget, alertedPercent: percent }, said: outbox.append(tx, budgetThresholdReached, event) };
  }

  return {
    store,
    defaultLimits,
    defaultAlertPercents,
    listBudgetedTenants: (tx, tenantIds) => store.listBudgetedTenants(tx, tenantIds),
    async openBook(tx, { budgetedTenantIds, calls, holderIds }) {
      const tenantIds = new Set([...budgetedTenantIds, ...(await giveDefaults(tx, calls))]);
      if (tenantIds.size === 0) return createBudgetBook({ ...emptyBook, nowMs: 0 });
      const paths = calls.filter(({ tenantId }) => tenantIds.has(tenantId)).map(toPath);
      const [budgets, memberships, holds, nowMs] = await Promise.all([
        store.lockBudgets(tx, paths, holderIds),
        paths.length > 0 ? store.listMemberships(tx, paths) : [],
        holderIds.length > 0 ? store.findHolds(tx, holderIds) : [],
        store.readNowMs(tx),
      ]);
      return createBudgetBook({ budgets, memberships, holds, nowMs });
    },
    async writeBook(tx, { changes }) {
      const alerted = changes.listChanged().map(({ after }) => alert(tx, after));
      const { endedHolderIds, refusals } = changes;
      const newHolds = changes.listNew();
      const changedHolds = changes.listChangedHolds();
      await Promise.all([
        alerted.length > 0 &&
          store.updateAmounts(
            tx,
            alerted.map(({ budget }) => budget),
          ),
        endedHolderIds.length > 0 && store.deleteHolds(tx, endedHolderIds),
        newHolds.length > 0 && store.insertHolds(tx, newHolds),
        changedHolds.length > 0 && store.updateHolds(tx, changedHolds),
        ...alerted.map(({ said }) => said),
        ...refusals.map(({ budget, userId, keyId }) =>
          outbox.append(tx, quotaExceeded, { tenantId: budget.tenantId, budget: toBudgetFacts(budget), userId, keyId }),
        ),
      ]);
    },
    begin,
    async put(tx, tenantId, budgets) {
      const alerted = budgets.map((budget) => alert(tx, { ...budget, alertedPercent: stillAlerted(budget) }));
      if (alerted.length > 0) {
        await store.putBudgets(
          tx,
          alerted.map(({ budget }) => budget),
        );
      }
      await Promise.all(alerted.map(({ said }) => said));
      await sayChanged(tx, tenantId);
    },
    sayChanged,
  };
}

/** With another limit, marks that are no longer reached are said again when they are. */
function stillAlerted(budget: Budget): number {
  return Math.min(budget.alertedPercent, reachedPercent(budget));
}

function toPath({ tenantId, userId, keyId }: CallPath): CallPath {
  return { tenantId, userId, keyId };
}
