import type { Logger } from "pino";
import type { Database, Tx } from "../db/database.ts";
import type { Degraded } from "../health/health-check.ts";
import type { Clock } from "../service/clock.ts";
import type { BrokerTransport, LaneEnds } from "./broker-transport.ts";
import type { EventListener } from "./event-listener.ts";
import { advance, claimBatch, ensureSubscription, readLaneEnds, rewind, writeLaneEnds } from "./subscription-store.ts";
import { createWakeSignal } from "./wake-signal.ts";

/** Copies the log to a broker, from one of the nodes that run it. */
export interface BrokerRelay {
  /** A health check: degraded when nothing could be published for 30 s. */
  check(): Promise<Degraded | undefined>;
  /** Resolves when the batch under way has ended. Safe to repeat. */
  stop(): Promise<void>;
}

export interface BrokerRelayOptions {
  /** Its position is kept under this name. Default "<transport>-relay". */
  readonly name?: string;
  /** Types of the events that the broker is to carry. */
  readonly types: readonly string[];
  /** The same role on every node: positions are kept per role. */
  readonly db: Database;
  readonly transport: BrokerTransport;
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
 * Starts the relay. Each event of these types reaches the broker at least once and, per key, for the first time in the
 * order of the log. The position moves when the broker has acknowledged a batch; a relay that dies in between publishes
 * it again under the same ids. When it starts and after each failure it looks for the last event that each lane has, and
 * goes back to the earliest that is before what the lane was given: what a broker has lost it gets again, a deleted
 * stream or topic the whole log. Nodes may all start one: one at a time is at work.
 */
export async function startBrokerRelay(options: BrokerRelayOptions): Promise<BrokerRelay> {
  const { types, db, transport, log, clock } = options;
  const { name = relayName(transport) } = options;
  await ensureSubscription(db.sql, name, types);
  const signal = createWakeSignal(clock);
  const forgetEvents = options.listener.onEvents(types, signal.wake);
  let isStopped = false;
  let isUnsure = true;
  let lastSuccessMs = clock.monotonicMs();
  let lastError: unknown;

  async function pass(tx: Tx): Promise<number> {
    const claim = await claimBatch(tx, name, types, batchSize);
    if (!claim) return takeoverMs;
    if (isUnsure && (await goBack(tx))) {
      isUnsure = false;
      return 0;
    }
    const last = claim.events.at(-1);
    if (last) {
      const ends = await transport.publish(claim.events, isUnsure);
      await advance(tx, name, last.seq);
      await writeLaneEnds(tx, name, ends);
    }
    isUnsure = false;
    if (last) return 0;
    return claim.isHeldBack ? heldBackMs : idleMs;
  }

  /** True when the broker has lost events, and the position is now before them. */
  async function goBack(tx: Tx): Promise<boolean> {
    // In this order the transaction has spoken since the broker was waited for, and may wait for it once more.
    const found = await transport.findEnds();
    const lost = findLost(await readLaneEnds(tx, name), found);
    const [first] = [...lost.values()].sort((a, b) => Number(a - b));
    if (first === undefined) return false;
    log.warn(
      { relay: name, lanes: [...lost.keys()], afterSeq: first },
      "the broker has lost events; it gets them again",
    );
    await rewind(tx, name, first);
    await writeLaneEnds(tx, name, lost);
    return true;
  }

  async function run(): Promise<void> {
    let hasFailed = false;
    while (!isStopped) {
      let waitMs: number;
      try {
        waitMs = await db.transaction(pass);
        lastSuccessMs = clock.monotonicMs();
        hasFailed = false;
        lastError = undefined;
      } catch (err) {
        lastError = err;
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
      if (failingMs > failingLimitMs && lastError !== undefined) {
        return { degraded: `${name} has not published for ${Math.round(failingMs)} ms` };
      }
      return undefined;
    },
    async stop() {
      isStopped = true;
      forgetEvents();
      signal.wake();
      await running;
    },
  };
}

/** Under which a relay's position is kept unless it is given a name. */
export function relayName({ name }: Pick<BrokerTransport, "name">): string {
  return `${name}-relay`;
}

/** The lanes that have less than they were given, each with the last event that it still has. A lane that is gone has none. */
export function findLost(given: LaneEnds, found: ReadonlyMap<string, bigint | undefined>): LaneEnds {
  const lost = new Map<string, bigint>();
  for (const [lane, givenSeq] of given) {
    const end = found.has(lane) ? found.get(lane) : 0n;
    if (end !== undefined && end < givenSeq) lost.set(lane, end);
  }
  return lost;
}
