import type { Logger } from "pino";
import type { Database } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import type { BroadcastSubscription, EventType } from "./event.ts";
import type { EventListener } from "./event-listener.ts";
import { decodeEvent, findEnd, type LoggedEvent, readEvents } from "./event-reader.ts";
import { createWakeSignal } from "./wake-signal.ts";

/** Reads the log once for all broadcast subscriptions of a process. */
export interface BroadcastReader {
  /** From when this resolves, each event committed later reaches these subscriptions. The result ends that. */
  add(subscriptions: readonly BroadcastSubscription[]): Promise<() => void>;
  close(): Promise<void>;
}

interface Hearer {
  readonly subscription: BroadcastSubscription;
  readonly events: ReadonlyMap<string, EventType>;
  afterSeq: bigint;
}

const batchSize = 500;
const idleMs = 60_000;
const retryMs = 500;
/** A transaction that holds events back usually ends within milliseconds. */
const heldBackMs = 5;

export function createBroadcastReader(options: {
  readonly db: Database;
  readonly listener: EventListener;
  readonly log: Logger;
  readonly clock: Clock;
}): BroadcastReader {
  const { db, listener, log, clock } = options;
  const hearers = new Set<Hearer>();
  const signal = createWakeSignal(clock);
  let hasGap = false;
  let isClosed = false;

  const noteGap = () => {
    hasGap = true;
    signal.wake();
  };
  const forgetRecovery = listener.onRecovery(noteGap);

  async function run(): Promise<void> {
    let waitMs = idleMs;
    for (;;) {
      await signal.wait(waitMs);
      if (isClosed) return;
      try {
        if (hasGap) await closeGap();
        waitMs = (await readAll()) ? heldBackMs : idleMs;
      } catch (err) {
        if (!hasGap) log.warn({ err }, "broadcasts cannot be read");
        hasGap = true;
        waitMs = retryMs;
      }
    }
  }

  /** After a fail-over or a restore the log may be shorter than what was heard, so the end is asked for again. */
  async function closeGap(): Promise<void> {
    const present = [...hearers];
    const endSeq = await findEnd(db.sql, typesOf(present));
    hasGap = false;
    for (const hearer of present) {
      if (endSeq < hearer.afterSeq) hearer.afterSeq = endSeq;
      dropDerived(hearer);
    }
  }

  /** Delivers all that is settled; true when more is held back. */
  async function readAll(): Promise<boolean> {
    for (;;) {
      const present = [...hearers];
      const afterSeq = present.reduce<bigint | undefined>(
        (least, hearer) => (least === undefined || hearer.afterSeq < least ? hearer.afterSeq : least),
        undefined,
      );
      if (afterSeq === undefined || isClosed) return false;
      const batch = await readEvents(db.sql, typesOf(present), afterSeq, batchSize);
      for (const row of batch.events) {
        for (const hearer of present) if (row.seq > hearer.afterSeq) deliver(hearer, row);
      }
      if (batch.events.length < batchSize) return batch.isHeldBack;
    }
  }

  function deliver(hearer: Hearer, row: LoggedEvent): void {
    hearer.afterSeq = row.seq;
    const event = hearer.events.get(row.type);
    if (!event || !hearers.has(hearer)) return;
    try {
      hearer.subscription.handle(decodeEvent(row, event));
    } catch (err) {
      log.error({ err, subscription: hearer.subscription.name, eventId: row.id }, "a broadcast could not be handled");
      dropDerived(hearer);
    }
  }

  function dropDerived({ subscription }: Hearer): void {
    try {
      subscription.onGap();
    } catch (err) {
      log.error({ err, subscription: subscription.name }, "a broadcast's onGap failed");
    }
  }

  const running = run();
  return {
    async add(subscriptions) {
      const added = subscriptions.map((subscription) => ({
        subscription,
        events: new Map(subscription.events.map((event) => [event.type, event])),
        afterSeq: 0n,
      }));
      const types = typesOf(added);
      const endSeq = await findEnd(db.sql, types);
      for (const hearer of added) {
        hearer.afterSeq = endSeq;
        hearers.add(hearer);
      }
      const forgetEvents = listener.onEvents(types, signal.wake);
      // What was committed between the two lines above has notified nobody.
      signal.wake();
      return () => {
        forgetEvents();
        for (const hearer of added) hearers.delete(hearer);
      };
    },
    async close() {
      isClosed = true;
      forgetRecovery();
      signal.wake();
      await running;
    },
  };
}

function typesOf(hearers: readonly Hearer[]): string[] {
  return [...new Set(hearers.flatMap((hearer) => [...hearer.events.keys()]))];
}
