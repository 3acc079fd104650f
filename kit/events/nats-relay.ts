import type { Logger } from "pino";
import type { Database, Tx } from "../db/database.ts";
import type { Clock } from "../service/clock.ts";
import type { EventListener } from "./event-listener.ts";
import type { LoggedEvent } from "./event-reader.ts";
import { type NatsTransport, toLoggedEvent } from "./nats-transport.ts";
import { advance, claimBatch, ensureSubscription, rewind } from "./subscription-store.ts";
import { createWakeSignal } from "./wake-signal.ts";

/** Copies the log to a broker, from one of the nodes that run it. */
export interface NatsRelay {
  /** A health check: rejects when nothing could be published for 30 s; names the last error. */
  check(): Promise<void>;
  /** Resolves when the batch under way has ended. Safe to repeat. */
  stop(): Promise<void>;
}

export interface NatsRelayOptions {
  /** Its position is kept under this name. Default "nats-relay". */
  readonly name?: string;
  /** Types of the events that the broker is to carry. */
  readonly types: readonly string[];
  readonly db: Database;
  readonly transport: NatsTransport;
  readonly listener: EventListener;
  readonly log: Logger;
  readonly clock: Clock;
}

const batchSize = 100;
const idleMs = 10_000;
const takeoverMs = 1_000;
const heldBackMs = 20;
const retryMs = 500;
const failingLimitMs = 30_000;

/**
 * Starts the relay. Each event of these types reaches the stream at least once and, per key, for the first time in the
 * order of the log: a message is accepted only after the one before it. The position moves when the broker has
 * acknowledged a batch; a relay that dies in between publishes it again under the same ids. When it starts and after
 * each failure it looks for the last event that the broker has, and goes back to it if that is earlier than its own
 * position: what a broker has lost it gets again, a deleted stream the whole log.
 */
export async function startNatsRelay(options: NatsRelayOptions): Promise<NatsRelay> {
  const { name = "nats-relay", types, db, transport, log, clock } = options;
  await ensureSubscription(db.sql, name, types);
  const signal = createWakeSignal(clock);
  const forgetEvents = options.listener.onEvents(types, signal.wake);
  let isStopped = false;
  let isUnsure = true;
  let lastSuccessMs = clock.monotonicMs();
  let lastError = "";

  async function pass(tx: Tx): Promise<number> {
    const claim = await claimBatch(tx, name, types, batchSize);
    if (!claim) return takeoverMs;
    if (isUnsure) {
      const lastSeq = await findLastPublished(transport);
      if (lastSeq !== undefined && (await rewind(tx, name, lastSeq))) {
        log.warn({ relay: name, lastSeq }, "the broker has lost events; they are published again");
        isUnsure = false;
        return 0;
      }
    }
    const last = claim.events.at(-1);
    if (!last) {
      isUnsure = false;
      return claim.isHeldBack ? heldBackMs : idleMs;
    }
    await (isUnsure ? publishOneByOne : publishTogether)(transport, claim.events);
    await advance(tx, name, last.seq);
    isUnsure = false;
    return 0;
  }

  async function run(): Promise<void> {
    let hasFailed = false;
    while (!isStopped) {
      let waitMs: number;
      try {
        waitMs = await db.transaction(pass);
        lastSuccessMs = clock.monotonicMs();
        hasFailed = false;
      } catch (err) {
        lastError = String(err);
        if (!hasFailed) log.warn({ err, relay: name }, "events cannot be published to the broker");
        hasFailed = true;
        isUnsure = true;
        waitMs = retryMs;
      }
      if (!isStopped && waitMs > 0) await signal.wait(waitMs);
    }
  }

  const running = run();
  return {
    async check() {
      const failingMs = clock.monotonicMs() - lastSuccessMs;
      if (failingMs > failingLimitMs && lastError !== "") {
        throw new Error(`relay ${name} has not published for ${Math.round(failingMs)} ms: ${lastError}`);
      }
    },
    async stop() {
      isStopped = true;
      forgetEvents();
      signal.wake();
      await running;
    },
  };
}

/** Number in the log of the last event that the broker has; 0 when it has none, undefined when that cannot be told. */
async function findLastPublished(transport: NatsTransport): Promise<bigint | undefined> {
  await transport.ensureStream();
  const { manager, stream } = transport;
  const { state } = await manager.streams.info(stream);
  if (state.last_seq === 0) return 0n;
  // All that it had has expired.
  if (state.messages === 0) return undefined;
  const message = await manager.streams.getMessage(stream, { seq: state.last_seq });
  return message ? toLoggedEvent({ headers: message.header, json: () => null as never }).seq : undefined;
}

/** The broker refuses a message that does not follow the one before it: one that fails lets none of the rest through. */
async function publishTogether(transport: NatsTransport, rows: readonly LoggedEvent[]): Promise<void> {
  const published = rows.map((row, index) => publish(transport, row, rows[index - 1]?.id));
  const failed = (await Promise.allSettled(published)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** For a batch of which the broker may know a part: what it knows again it does not put behind the rest. */
async function publishOneByOne(transport: NatsTransport, rows: readonly LoggedEvent[]): Promise<void> {
  for (const row of rows) await publish(transport, row, undefined);
}

async function publish(transport: NatsTransport, row: LoggedEvent, afterId: string | undefined): Promise<void> {
  await transport.client.publish(transport.toSubject(row.type), JSON.stringify(row.data), {
    msgID: row.id,
    headers: transport.toHeaders(row),
    ...(afterId !== undefined && { expect: { lastMsgID: afterId } }),
  });
}
