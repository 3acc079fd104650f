import type { Logger } from "pino";
import type { Database, Tx } from "../db/database.ts";
import type { Tracer } from "../observability/tracing.ts";
import type { Clock } from "../service/clock.ts";
import type { DurableSubscription } from "./event.ts";
import type { EventListener } from "./event-listener.ts";
import { toErrorText } from "./handle-event.ts";
import type { Operation } from "./operation.ts";
import * as store from "./operation-store.ts";
import { listParkedEvents, redriveEvent } from "./parked-events.ts";
import { replayBatch } from "./replay.ts";
import { createReplayPace, type ReplayPace } from "./replay-pace.ts";
import { markSeen } from "./subscription-store.ts";
import { createWakeSignal } from "./wake-signal.ts";

export interface OperationLoopOptions {
  readonly serviceName: string;
  readonly subscriptions: readonly DurableSubscription[];
  readonly db: Database;
  readonly listener: EventListener;
  readonly log: Logger;
  readonly clock: Clock;
  readonly tracer?: Tracer | undefined;
}

const batchSize = 100;
const idleMs = 10_000;
const seenEveryMs = 30_000;
/** How soon another node goes on with what one had in its hands that died. */
const takeoverMs = 1_000;
const firstRetryMs = 1_000;
const retryLimitMs = 60_000;
/** With the delays above, an operation is given up after four minutes without an event. */
const attemptLimit = 10;

/** What is notified when something is asked of a service's subscriptions. As in 0007_event_desk.sql. */
function wakeTypeOf(serviceName: string): string {
  return `#operations lyss_${serviceName.replaceAll("-", "_")}`;
}

/**
 * Does what operators ask of a service's durable subscriptions: redrives and replays, step by step, on whichever node
 * takes the step. How far an operation has come is written in the transaction of its handler, so a node that dies takes
 * nothing with it and repeats nothing. Also says that this node has the subscriptions.
 */
export function startOperationLoop(options: OperationLoopOptions): { stop(): Promise<void> } {
  const { db, clock, log } = options;
  const byName = new Map(options.subscriptions.map((subscription) => [subscription.name, subscription]));
  const names = [...byName.keys()];
  const signal = createWakeSignal(clock);
  const forgetWakes = options.listener.onEvents([wakeTypeOf(options.serviceName)], signal.wake);
  const paces = new Map<string, ReplayPace>();
  let isStopped = false;
  let limit = batchSize;
  let seenMs = clock.monotonicMs();
  let outageMs = 0;
  /** What the step under way is about, for the case that it fails. */
  let current: Operation | undefined;
  let handling: { readonly eventId: string; readonly seq?: bigint } | undefined;

  /** One step in one transaction. Gives back how long to wait before the next. */
  async function pass(tx: Tx): Promise<number> {
    const operation = await store.claimOperation(tx, names, clock.nowMs());
    const subscription = operation && byName.get(operation.subscription);
    if (!operation || !subscription) {
      const dueMs = await store.findNextDueMs(tx, names);
      if (dueMs === undefined) paces.clear();
      const waitMs = dueMs === undefined ? idleMs : dueMs - clock.nowMs();
      return waitMs > 0 ? Math.min(waitMs, idleMs) : takeoverMs;
    }
    current = operation;
    const step = operation.kind === "redrive" ? redriveStep : replayStep;
    await store.advanceOperation(tx, operation.id, await step(tx, operation, subscription), clock.nowMs());
    // Only by what was done: a look that found nothing due must not put the failing event among others again.
    limit = Math.min(2 * limit, batchSize);
    return 0;
  }

  async function redriveStep(
    tx: Tx,
    { id, scope, lastSeq, untilSeq }: Operation,
    subscription: DurableSubscription,
  ): Promise<store.OperationStep> {
    const { eventIds, types, keys } = scope;
    const filter = { ...(eventIds && { eventIds }), ...(types && { types }), ...(keys && { keys }) };
    const range = { ...filter, afterSeq: lastSeq, untilSeq, limit: 1 };
    const [row] = await listParkedEvents(tx, subscription.name, range);
    if (!row) return { lastSeq, handled: 0, heldBack: 0, waitMs: 0, isDone: true };
    const next = { lastSeq: row.seq, waitMs: 0, isDone: false };
    if (await store.isHeldBack(tx, subscription.name, id, row.key)) return { ...next, handled: 0, heldBack: 1 };
    handling = { eventId: row.id, seq: row.seq };
    const isHandled = await redriveEvent(tx, subscription, row, options.tracer);
    return { ...next, handled: isHandled ? 1 : 0, heldBack: 0 };
  }

  async function replayStep(
    tx: Tx,
    { id, state, scope, lastSeq, untilSeq }: Operation,
    subscription: DurableSubscription,
  ): Promise<store.OperationStep> {
    const known = state === "pending" ? undefined : paces.get(id);
    const pace = known ?? createReplayPace(clock, scope.speed ?? "max");
    paces.set(id, pace);
    const { types, keys, fromMs, beforeMs } = scope;
    const filter = {
      ...(types && { types }),
      ...(keys && { keys }),
      ...(fromMs !== undefined && { fromMs }),
      ...(beforeMs !== undefined && { beforeMs }),
    };
    const batch = await replayBatch(tx, {
      ...{ subscription, replayId: id, pace, limit, tracer: options.tracer },
      range: { ...filter, afterSeq: lastSeq, untilSeq },
      onEvent: (eventId) => {
        handling = { eventId };
      },
    });
    const { handled, isComplete: isDone } = batch;
    return { lastSeq: batch.lastSeq, handled, heldBack: 0, waitMs: batch.waitMs, isDone };
  }

  /** Nothing of the step has happened. Gives back how long to wait before the next. */
  async function recover(err: unknown): Promise<number> {
    const operation = current;
    if (!operation) {
      if (outageMs === 0) log.warn({ err }, "what operators ask of subscriptions cannot be read");
      outageMs = Math.min(2 * outageMs + firstRetryMs, idleMs);
      return outageMs;
    }
    const { id, kind, subscription, attempts } = operation;
    const nowMs = clock.nowMs();
    const error = toErrorText(err);
    log.error({ err, operation: id, kind, subscription, eventId: handling?.eventId }, "an operation's step failed");
    // The next try is for the first event alone: what comes before the failing one is then done, and not repeated.
    limit = 1;
    if (handling?.seq !== undefined) {
      await store.noteRedriveFailure(db, operation, handling.seq, { error, nowMs });
      return 0;
    }
    const isLast = attempts + 1 >= attemptLimit;
    const delayMs = Math.min(firstRetryMs * 2 ** attempts, retryLimitMs);
    const text = handling ? `${handling.eventId}: ${error}` : error;
    await store.failStep(db.sql, id, { error: text, nowMs, delayMs, isLast });
    return 0;
  }

  async function run(): Promise<void> {
    while (!isStopped) {
      let waitMs: number;
      current = undefined;
      handling = undefined;
      try {
        if (clock.monotonicMs() - seenMs >= seenEveryMs) {
          await markSeen(db.sql, names);
          seenMs = clock.monotonicMs();
        }
        waitMs = await db.transaction(pass);
        outageMs = 0;
      } catch (err) {
        waitMs = await recover(err).catch(() => firstRetryMs);
      }
      if (!isStopped && waitMs > 0) await signal.wait(waitMs);
    }
  }

  const running = run();
  return {
    async stop() {
      isStopped = true;
      forgetWakes();
      signal.wake();
      await running;
    },
  };
}
