import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { BatchOptions, BatchRequests, BatchResults, ReserveResult } from "./batch.ts";
import { applyBatch } from "./batch.ts";
import type { LeaseAnswer, LeaseChange } from "./lease.ts";
import type { ReserveRequest, SettleRequest } from "./ledger-requests.ts";
import type { Hold, Usage } from "./model.ts";
import type { RaiseRequest } from "./raise-hold.ts";
import type { DayStore } from "./usage/day-store.ts";
import { dayOf, isDayMissing } from "./usage/usage-days.ts";

interface Pending<Request, Result> {
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (err: unknown) => void;
}

type PendingReserve = Pending<ReserveRequest, Hold> & { readonly dueMs: number };
type PendingRaise = Pending<RaiseRequest, Hold>;
type PendingSettle = Pending<SettleRequest, Usage>;
type PendingChange = Pending<LeaseChange, LeaseAnswer>;

type WaitResult = Extract<ReserveResult, { readonly kind: "wait" }>;

interface Pendings {
  readonly reserves: readonly PendingReserve[];
  readonly raises: readonly PendingRaise[];
  readonly settles: readonly PendingSettle[];
  readonly changes: readonly PendingChange[];
}

export interface LedgerOptions extends BatchOptions {
  readonly db: Database;
  readonly days: DayStore;
  readonly clock: Clock;
  readonly reserveWaitMs: number;
  readonly maxBatchSize: number;
  /** A call has begun to wait for money, or in a budget. Called at most once per tenant, budget and wake-up. */
  readonly onShort?: (tenantId: string, budgetId: string | undefined) => void;
}

export interface Ledger {
  /**
   * Resolves when the hold is committed. Throws `insufficient_balance`, `budget_exceeded`, `quota_exceeded`, `price_missing`
   * or `wallet_not_found`.
   */
  reserve(request: ReserveRequest): Promise<Hold>;
  /**
   * Resolves when more is set aside for a call under way, and never waits for money. Throws as `reserve` when none can be had;
   * what was held is held then. Throws `hold_not_found`.
   */
  raise(request: RaiseRequest): Promise<Hold>;
  /** Resolves when charge and usage are committed; a repeat gives the first result. Throws `hold_not_found`. */
  settle(request: SettleRequest): Promise<Usage>;
  /** Resolves with what the change came to when it is committed. Throws `lease_not_found` and `wallet_not_found`. */
  changeLease(change: LeaseChange): Promise<LeaseAnswer>;
  /** Money came back to a tenant: its waiting calls are looked at again. */
  wake(tenantId: string): void;
  /** Waits for no more money: waiting calls are answered at once. Resolves when nothing is under way. */
  drain(): Promise<void>;
}

/** How often waiting calls look for money that came back on another node. */
const wakeIntervalMs = 200;
const maxWaitingPerTenant = 1_000;
/** Calls of one person who has used up what a key may use are not to slow down everybody's. */
const maxWaitingPerBudget = 200;
const maxWokenPerBudget = 16;

/**
 * Group commit: reservations and settlements that arrive while one transaction is under way share the next one.
 * A wallet is locked once per batch instead of once per call, so a hot wallet costs one lock per commit.
 */
export function createLedger(options: LedgerOptions): Ledger {
  const { clock, db, maxBatchSize } = options;
  const reserves: PendingReserve[] = [];
  const raises: PendingRaise[] = [];
  const settles: PendingSettle[] = [];
  const changes: PendingChange[] = [];
  const waiting = new Map<string, PendingReserve[]>();
  /** By budget; apart from those that wait for money, since others of the tenant may have what they cannot. */
  const waitingForBudget = new Map<string, PendingReserve[]>();
  let running: Promise<void> | undefined;
  let cancelWake: (() => void) | undefined;
  let isDraining = false;

  function kick(): void {
    running ??= run();
  }

  async function run(): Promise<void> {
    // Calls of the same turn of the event loop share the batch.
    await Promise.resolve();
    try {
      while (reserves.length + raises.length + settles.length + changes.length > 0) {
        const settling = settles.splice(0, maxBatchSize);
        const raising = raises.splice(0, maxBatchSize);
        const changing = changes.splice(0, maxBatchSize);
        const room = Math.max(1, maxBatchSize - settling.length - raising.length - changing.length);
        await commit({ settles: settling, raises: raising, changes: changing, reserves: reserves.splice(0, room) });
      }
    } finally {
      // In the same turn as the last look, or what arrives between the two would wait for a call after it.
      running = undefined;
    }
  }

  async function commit(pendings: Pendings): Promise<void> {
    const requests = {
      reserves: pendings.reserves.map(({ request, dueMs }) => ({
        ...request,
        isLastTry: isDraining || clock.monotonicMs() >= dueMs,
      })),
      raises: pendings.raises.map(toRequest),
      settles: pendings.settles.map(toRequest),
      leaseChanges: pendings.changes.map(toRequest),
      awaited: { tenantIds: waiting, budgetIds: waitingForBudget },
    };
    try {
      const { reserved, raised, settled, changed, freedBudgetIds } = await apply(requests);
      settled.forEach((result, i) => {
        answer(pendings.settles[i], result.kind === "settled" ? result.usage : result.failure);
      });
      changed.forEach((result, i) => {
        answer(pendings.changes[i], result);
      });
      raised.forEach((result, i) => {
        answer(pendings.raises[i], result);
      });
      reserved.forEach((result, i) => {
        const pending = pendings.reserves[i];
        if (pending && result.kind === "wait") wait(pending, result);
        else answer(pending, result.kind === "held" ? result.hold : result.failure);
      });
      for (const { tenantId } of [
        ...requests.settles,
        ...requests.leaseChanges.filter(({ kind }) => kind === "return"),
      ]) {
        wakeForMoney(tenantId);
      }
      for (const budgetId of freedBudgetIds) wakeForBudget(budgetId, maxWokenPerBudget);
    } catch (err) {
      await answerFailedBatch(pendings, err);
    }
  }

  async function apply(requests: BatchRequests): Promise<BatchResults> {
    const work = () => db.transaction((tx) => applyBatch(tx, options, requests));
    return work().catch(async (err: unknown) => {
      if (!isDayMissing(err)) throw err;
      await options.days.openUsual();
      await options.days.open(requests.settles.flatMap(({ startedAtMs: at }) => (at ? [dayOf(Number(at))] : [])));
      return work();
    });
  }

  /** One bad row must not fail its neighbours: where the data was refused, each call is tried by itself. */
  async function answerFailedBatch(pendings: Pendings, err: unknown): Promise<void> {
    const none: Pendings = { reserves: [], raises: [], settles: [], changes: [] };
    const all = [...pendings.settles, ...pendings.raises, ...pendings.changes, ...pendings.reserves];
    if (all.length > 1 && isDataError(err)) {
      for (const pending of pendings.settles) await commit({ ...none, settles: [pending] });
      for (const pending of pendings.raises) await commit({ ...none, raises: [pending] });
      for (const pending of pendings.changes) await commit({ ...none, changes: [pending] });
      for (const pending of pendings.reserves) await commit({ ...none, reserves: [pending] });
    } else {
      for (const pending of all) pending.reject(err);
    }
  }

  function wait(pending: PendingReserve, { failure, budgetId }: WaitResult): void {
    const { tenantId } = pending.request;
    const [queues, key] = budgetId === undefined ? [waiting, tenantId] : [waitingForBudget, budgetId];
    const queue = queues.get(key) ?? [];
    if (queue.length >= (budgetId === undefined ? maxWaitingPerTenant : maxWaitingPerBudget)) {
      pending.reject(failure);
      return;
    }
    if (queue.length === 0) options.onShort?.(tenantId, budgetId);
    queue.push(pending);
    queues.set(key, queue);
    cancelWake ??= clock.setTimer(wakeIntervalMs, wakeAll);
  }

  function wakeAll(): void {
    cancelWake?.();
    cancelWake = undefined;
    for (const tenantId of [...waiting.keys()]) wakeForMoney(tenantId);
    for (const budgetId of [...waitingForBudget.keys()]) wakeForBudget(budgetId, maxWaitingPerBudget);
  }

  function wake(tenantId: string): void {
    wakeForMoney(tenantId);
    for (const [budgetId, [first]] of waitingForBudget) {
      if (first?.request.tenantId === tenantId) wakeForBudget(budgetId, maxWaitingPerBudget);
    }
  }

  function wakeForMoney(tenantId: string): void {
    const queue = waiting.get(tenantId);
    if (!queue) return;
    waiting.delete(tenantId);
    reserves.unshift(...queue);
    kick();
  }

  /** Behind calls that have just arrived: they may be of others. */
  function wakeForBudget(budgetId: string, most: number): void {
    const queue = waitingForBudget.get(budgetId);
    if (!queue) return;
    reserves.push(...queue.splice(0, most));
    if (queue.length === 0) waitingForBudget.delete(budgetId);
    kick();
  }

  return {
    reserve: (request) =>
      new Promise((resolve, reject) => {
        reserves.push({ request, resolve, reject, dueMs: clock.monotonicMs() + options.reserveWaitMs });
        kick();
      }),
    raise: (request) =>
      new Promise((resolve, reject) => {
        raises.push({ request, resolve, reject });
        kick();
      }),
    settle: (request) =>
      new Promise((resolve, reject) => {
        settles.push({ request, resolve, reject });
        kick();
      }),
    changeLease: (change) =>
      new Promise((resolve, reject) => {
        changes.push({ request: change, resolve, reject });
        kick();
      }),
    wake,
    async drain() {
      isDraining = true;
      for (wakeAll(); running; wakeAll()) await running;
    },
  };
}

/** Tells one caller what became of its request. */
function answer<Result>(pending: Pending<unknown, Result> | undefined, result: Result | Failure): void {
  if (result instanceof Failure) pending?.reject(result);
  else pending?.resolve(result);
}

function toRequest<Request>(pending: { readonly request: Request }): Request {
  return pending.request;
}

/** SQLSTATE classes 22 (data) and 23 (constraint): the rows are at fault, not the connection. */
function isDataError(err: unknown): boolean {
  const { code } = Object(err) as { readonly code?: unknown };
  return /^2[23]/.test(String(code));
}
