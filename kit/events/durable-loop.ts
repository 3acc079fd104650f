import type { Logger } from "pino";
import type { Database, Tx } from "../db/database.ts";
import type { Tracer } from "../observability/tracing.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { ConsumerGate } from "./consumer-gate.ts";
import type { DurableSubscription } from "./event.ts";
import type { EventListener } from "./event-listener.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { handleEvent, toErrorText } from "./handle-event.ts";
import * as store from "./subscription-store.ts";
import { createWakeSignal } from "./wake-signal.ts";

/** One durable subscription at work on this node. */
export interface DurableLoop {
  /** Rejects when no pass has succeeded for 30 s; names the last error. */
  check(): Promise<undefined>;
  /** Resolves when the batch under way has ended. */
  stop(): Promise<void>;
}

export interface DurableLoopOptions {
  readonly subscription: DurableSubscription;
  readonly db: Database;
  readonly listener: EventListener;
  readonly log: Logger;
  readonly clock: Clock;
  readonly tracer?: Tracer | undefined;
  /** While it is closed no batch is taken, and another node may take it. */
  readonly gate?: ConsumerGate | undefined;
  /** Events have come to it from a broker: what it handled then is not handled again. */
  readonly wasOnBroker?: boolean;
}

const batchSize = 100;
const idleMs = 10_000;
/** How soon another node takes over from one that died with the subscription in its hands. */
const takeoverMs = 1_000;
/** A transaction that holds events back usually ends within milliseconds. */
const firstHeldBackMs = 5;
const heldBackLimitMs = 100;
const firstRetryMs = 1_000;
const retryLimitMs = 60_000;
/** With the delays above, an event is given up after four minutes. */
const attemptLimit = 10;
const failingLimitMs = 30_000;
const none: ReadonlySet<string> = new Set();

/** Starts the loop. The subscription's row must exist. */
export function startDurableLoop(options: DurableLoopOptions): DurableLoop {
  const { subscription, db, log, clock, gate } = options;
  const { gatherMs = 0 } = subscription;
  const types = subscription.events.map(({ type }) => type);
  const signal = createWakeSignal(clock);
  const forgetEvents = options.listener.onEvents(types, signal.wake);
  const forgetGate = gate?.onChange(signal.wake);
  const stopping = new AbortController();
  let limit = batchSize;
  let heldBackMs = 0;
  let outageMs = 0;
  let lastSuccessMs = clock.monotonicMs();
  let lastError = "";
  /** The batch under way, and the event of it that is being handled; -1 from the last one's end on. */
  let batch: readonly LoggedEvent[];
  let handledIndex: number;
  /** True when a batch was not taken up because its first event is to be tried again later. */
  let isPaused: boolean;
  /** True when what comes meanwhile is no reason to look sooner. */
  let isGathering: boolean;

  /** One batch in one transaction. Gives back how long to wait before the next. */
  async function pass(tx: Tx): Promise<number> {
    const claim = await store.claimBatch(tx, subscription.name, types, limit);
    if (!claim) return takeoverMs;
    const pauseMs = claim.retryAtMs - clock.nowMs();
    if (pauseMs > 0) {
      isPaused = true;
      return pauseMs;
    }
    batch = claim.events;
    const ids = options.wasOnBroker ? batch.map(({ id }) => id) : [];
    const handled = ids.length > 0 ? await store.findHandled(tx, subscription.name, ids) : none;
    for (const [index, row] of batch.entries()) {
      handledIndex = index;
      if (handled.has(row.id)) continue;
      await handleEvent(tx, subscription, row, {}, options.tracer);
    }
    handledIndex = -1;
    const last = batch.at(-1);
    if (last) await store.advance(tx, subscription.name, last.seq);
    // There may be more; finding out costs one short transaction.
    if (last) {
      isGathering = gatherMs > 0 && batch.length < limit;
      return isGathering ? gatherMs : 0;
    }
    heldBackMs = claim.isHeldBack ? Math.min(2 * heldBackMs + firstHeldBackMs, heldBackLimitMs) : 0;
    return claim.isHeldBack ? heldBackMs : idleMs;
  }

  /** Nothing of the batch has happened. Gives back how long to wait before the next pass. */
  async function recover(err: unknown): Promise<number> {
    lastError = toErrorText(err);
    const [first] = batch;
    if (!first) {
      if (outageMs === 0) log.warn({ err, subscription: subscription.name }, "a subscription cannot get on");
      outageMs = Math.min(2 * outageMs + firstRetryMs, idleMs);
      return outageMs;
    }
    // What comes before the failing event is done first and on its own, so that it is not repeated with it.
    if (handledIndex > 0 || (handledIndex < 0 && batch.length > 1)) {
      limit = Math.max(1, handledIndex);
      return 0;
    }
    const failure = await store.recordFailure(db, subscription.name, first.seq, {
      error: lastError,
      nowMs: clock.nowMs(),
      firstRetryMs,
      retryLimitMs,
      attemptLimit,
    });
    const message = failure?.isParked ? "an event is parked: it failed too often" : "an event could not be handled";
    log.error({ err, subscription: subscription.name, event: first.type, eventId: first.id, ...failure }, message);
    return 0;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (gate && !gate.isOpen()) {
        // Not its own failure, so not its own unhealthiness either.
        lastSuccessMs = clock.monotonicMs();
        await signal.wait(idleMs);
        continue;
      }
      let waitMs: number;
      batch = [];
      isPaused = false;
      isGathering = false;
      try {
        waitMs = await db.transaction(pass);
        limit = batchSize;
        outageMs = 0;
        if (!isPaused) lastSuccessMs = clock.monotonicMs();
      } catch (err) {
        isGathering = false;
        waitMs = await recover(err).catch(() => firstRetryMs);
      }
      if (stopping.signal.aborted || waitMs === 0) continue;
      if (isGathering) await delay(clock, waitMs, stopping.signal).catch(() => undefined);
      else await signal.wait(waitMs);
    }
  }

  const running = run();
  return {
    async check() {
      const failingMs = clock.monotonicMs() - lastSuccessMs;
      if (failingMs > failingLimitMs && lastError !== "") {
        throw new Error(
          `subscription ${subscription.name} has not got on for ${Math.round(failingMs)} ms: ${lastError}`,
        );
      }
      return undefined;
    },
    async stop() {
      stopping.abort();
      forgetEvents();
      forgetGate?.();
      signal.wake();
      await running;
    },
  };
}
