import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import { createWakeSignal } from "./wake-signal.ts";

/** Hears of new events for a whole process, over one LISTEN connection. */
export interface EventListener {
  /** Calls `wake` when an event of `types` may have been committed; more often than needed, at the latest after 1 s. */
  onEvents(types: readonly string[], wake: () => void): () => void;
  /** Calls `recover` when notifications may have been lost and come again. */
  onRecovery(recover: () => void): () => void;
  /** Rejects when the database has not answered for 5 s. */
  check(): Promise<void>;
  close(): Promise<void>;
}

const channel = "lyss_event";
const pollMs = 1_000;
const silenceLimitMs = 5_000;

/** Resolves when it listens. `db` is the event log's own database. */
export async function createEventListener(options: {
  readonly db: Database;
  readonly log: Logger;
  readonly clock: Clock;
}): Promise<EventListener> {
  const { db, log, clock } = options;
  const wakers = new Set<{ readonly types: ReadonlySet<string>; readonly wake: () => void }>();
  const recoverers = new Set<() => void>();
  const signal = createWakeSignal(clock);
  let isClosed = false;
  let isListening = false;
  let lastAnswerMs = clock.monotonicMs();

  const wakeAll = () => {
    for (const waker of wakers) waker.wake();
  };
  const recover = () => {
    log.warn("the event log can be heard again; caches that follow it start anew");
    for (const recoverer of recoverers) recoverer();
    wakeAll();
  };
  const subscription = await db.sql.listen(
    channel,
    (type) => {
      for (const { types, wake } of wakers) if (types.has(type)) wake();
    },
    () => {
      // The driver calls this again each time it has had to reconnect.
      if (isListening) recover();
      isListening = true;
    },
  );

  // A notification can be lost without the connection breaking, and a roll-back that lets later events through sends
  // none: the end of what is settled tells of both.
  const poll = async () => {
    let end: bigint | undefined;
    let isFailing = false;
    while (!isClosed) {
      await signal.wait(pollMs);
      if (isClosed) return;
      try {
        const [row] = await db.sql<{ seq: bigint }[]>`select event_log.settled_until(null) as seq`;
        lastAnswerMs = clock.monotonicMs();
        if (isFailing) recover();
        else if (row?.seq !== end) wakeAll();
        end = row?.seq;
        isFailing = false;
      } catch (err) {
        if (isClosed) return;
        if (!isFailing) log.warn({ err }, "the event log cannot be read");
        isFailing = true;
      }
    }
  };
  const polling = poll();

  return {
    onEvents(types, wake) {
      const waker = { types: new Set(types), wake };
      wakers.add(waker);
      return () => wakers.delete(waker);
    },
    onRecovery(recoverer) {
      recoverers.add(recoverer);
      return () => recoverers.delete(recoverer);
    },
    async check() {
      const silentMs = clock.monotonicMs() - lastAnswerMs;
      if (silentMs > silenceLimitMs) throw new Error(`the event log has not answered for ${Math.round(silentMs)} ms`);
    },
    async close() {
      isClosed = true;
      signal.wake();
      await polling;
      await subscription.unlisten().catch(() => {});
    },
  };
}
