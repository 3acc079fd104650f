import type { Client } from "@connectrpc/connect";
import { type BillingService, CallOutcome, type UsageFact } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { type Clock, delay } from "@lyss/kit/service/clock.ts";
import { toBytes } from "@lyss/kit/spool/record-format.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import type { Logger } from "pino";
import { toPostRequest } from "./post-request.ts";
import { begunFormat, endedFormat, type FactRecord, factOf } from "./spool-record.ts";

/** An attempt that is written down before its request leaves. */
export interface Attempt {
  readonly fact: UsageFact;
  readonly entry: SpoolEntry;
  /** Resolves when it is on disk: only then may its request leave. Rejects when it cannot be written. */
  readonly written: Promise<void>;
}

/** Attempts and how they ended: on disk first, then in billing. */
export interface FactJournal {
  /** Writes an attempt down as it begins. Throws when nothing can be written any more. */
  begin(fact: UsageFact): Attempt;
  /**
   * Writes down how it ended, which is in its fact by now. Resolves when that is on disk, or charged where the disk refuses it:
   * only then may the last of the answer leave. `onPosted` is called when it is charged.
   */
  end(attempt: Attempt, onPosted: () => void): Promise<void>;
  /**
   * Takes up attempts of processes that died: what had ended is charged, the rest recorded as lost, at no cost. Resolves when
   * billing has all of it; never when it refuses one.
   */
  recover(records: readonly RecoveredFact[]): Promise<void>;
  /** Charges everything that has ended; resolves when billing has it, or rejects when `signal` aborts. */
  flush(signal: AbortSignal): Promise<void>;
  /** Ends and posts nothing more by itself. */
  stop(): Promise<void>;
  /** Ended and not charged yet. */
  readonly pending: number;
  /** True while so many wait that no more may be begun: they are kept in memory, too. */
  readonly isFull: boolean;
  /** Resolves with true as soon as it is not full, with false when it still is after two seconds. Never rejects. */
  untilRoom(): Promise<boolean>;
}

/** What was written of an attempt, as it came back. */
export interface RecoveredFact extends FactRecord {
  readonly entry: SpoolEntry;
}

/**
 * What is to be charged. It waits for longer than a young generation lives, thousands at a time: what is kept of it is its record, and
 * few objects.
 */
interface Ended {
  /** What may be dropped once it is charged. */
  readonly entry: SpoolEntry;
  /** Of its end, where that is not in `entry`. */
  readonly record: Uint8Array | undefined;
  /** A call with a hold of its own is charged at once: others may wait for its money. */
  readonly isUrgent: boolean;
  readonly onPosted: () => void;
}

const maxFactsAtOnce = 2_000;
/** Each takes 1.6 KB. What is under way comes on top. */
const defaultMaxPendingFacts = 50_000;
const roomLimitMs = 2_000;
/** Facts of so long share a transaction, unless one is urgent: of 100 calls a second PostgreSQL had a quarter less to do than with 25 ms. */
const gatherMs = 60;
/** Of so long once those of a transaction were many: what a transaction costs here, in billing and in PostgreSQL is then shared by as many. */
const busyGatherMs = 100;
const manyFacts = 16;
const firstRetryMs = 200;
const retryLimitMs = 5_000;
const postTimeoutMs = 10_000;

export function createFactJournal(deps: {
  readonly spool: Spool;
  readonly billing: Client<typeof BillingService>;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default 50,000. */
  readonly maxPendingFacts?: number;
}): FactJournal {
  const { spool, billing, nodeId, clock, log, maxPendingFacts = defaultMaxPendingFacts } = deps;
  let queue: Ended[] = [];
  let posting = 0;
  let running: Promise<void> | undefined;
  let gatherForMs = gatherMs;
  let hurry: (() => void) | undefined;
  let roomMade: PromiseWithResolvers<void> | undefined;
  const isFull = () => queue.length >= maxPendingFacts;
  const stopping = new AbortController();

  function enqueue(end: Ended): void {
    queue.push(end);
    running ??= run();
    if (end.isUrgent || queue.length >= maxFactsAtOnce) hurry?.();
  }

  async function run(): Promise<void> {
    let retryMs = 0;
    while (queue.length > 0) {
      await pause(retryMs || gatherForMs, retryMs === 0);
      if (stopping.signal.aborted) break;
      const batch = queue.slice(0, maxFactsAtOnce);
      try {
        posting = batch.length;
        await post(batch);
        queue = queue.slice(batch.length);
        gatherForMs = batch.length >= manyFacts ? busyGatherMs : gatherMs;
        retryMs = 0;
        if (roomMade && !isFull()) {
          roomMade.resolve();
          roomMade = undefined;
        }
      } catch (err) {
        if (retryMs === 0) log.warn({ err, facts: queue.length }, "usage cannot be charged yet; it is kept on disk");
        retryMs = Math.min(retryMs === 0 ? firstRetryMs : 2 * retryMs, retryLimitMs);
      } finally {
        posting = 0;
      }
    }
    // At once: what arrives after the last look must find that nobody is at work.
    running = undefined;
  }

  /** Waits for more to charge with it, unless somebody is in a hurry. */
  async function pause(ms: number, isHurried: boolean): Promise<void> {
    if (isHurried && queue.some(({ isUrgent }) => isUrgent)) return;
    const woken = new AbortController();
    if (isHurried) hurry = () => woken.abort();
    await delay(clock, ms, AbortSignal.any([woken.signal, stopping.signal])).catch(() => undefined);
    hurry = undefined;
  }

  /** Throws for what may pass. A fact that billing refuses for good is told and set aside, and holds up no other. */
  async function post(batch: readonly Ended[]): Promise<void> {
    try {
      await billing.postFacts(toPostRequest(nodeId, batch.map(recordOf)), { timeoutMs: postTimeoutMs });
    } catch (err) {
      if (!isFailure(err) || !isFinal(err.type.kind)) throw err;
      if (batch.length > 1) {
        for (const end of batch) await post([end]);
        return;
      }
      for (const end of batch) {
        const call_id = factOf(recordOf(end)).callId;
        log.error({ err, call_id }, "billing refuses a usage fact; it stays on disk");
      }
      return;
    }
    for (const { entry, onPosted } of batch) {
      spool.drop(entry);
      onPosted();
    }
  }

  /** What cannot be written down is at least in billing before the answer leaves. */
  async function chargeAtOnce({ fact, entry: begun }: Attempt, onPosted: () => void, err: unknown): Promise<void> {
    log.error({ err, call_id: fact.callId }, "the end of a call cannot be written; it is charged at once");
    const record = toBytes(endedFormat, { begun: begun.record, fact });
    const ended = { entry: begun, record, isUrgent: fact.leaseId === "", onPosted };
    await post([ended]).catch(() => enqueue(ended));
  }

  /** Its end says all that its beginning did. */
  function endsAs(entry: SpoolEntry, begun: SpoolEntry, isUrgent: boolean, onPosted: () => void): void {
    spool.drop(begun);
    enqueue({ entry, record: undefined, isUrgent, onPosted });
  }

  return {
    begin(fact) {
      const entry = spool.compose(begunFormat, fact);
      return { fact, entry, written: spool.written() };
    },
    end(attempt, onPosted) {
      const { fact, entry: begun } = attempt;
      try {
        const entry = spool.compose(endedFormat, { begun: begun.record, fact });
        const isUrgent = fact.leaseId === "";
        return spool.written().then(
          () => endsAs(entry, begun, isUrgent, onPosted),
          (err) => chargeAtOnce(attempt, onPosted, err),
        );
      } catch (err) {
        return chargeAtOnce(attempt, onPosted, err);
      }
    },
    async recover(records) {
      const attempts = new Map<string, Omit<Ended, "onPosted">>();
      for (const { kind, fact, entry } of records) {
        const name = `${fact.callId}/${fact.attempt}`;
        const known = attempts.get(name);
        const isUrgent = fact.leaseId === "";
        const record = kind === "ended" ? undefined : toLost(fact, entry.record);
        // Of one attempt there is at most one of each kind, and its end says all that its beginning did.
        if (known && kind === "begun") {
          spool.drop(entry);
        } else {
          if (known) spool.drop(known.entry);
          attempts.set(name, { entry, record, isUrgent });
        }
      }
      const posted = [...attempts.values()].map(
        (attempt) => new Promise<void>((resolve) => enqueue({ ...attempt, onPosted: resolve })),
      );
      if (posted.length > 0) log.warn({ attempts: posted.length }, "attempts of a process that died are charged now");
      await Promise.all(posted);
    },
    async flush(signal) {
      hurry?.();
      const aborted = new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        if (signal.aborted) reject(signal.reason);
      });
      await Promise.race([running, aborted]);
    },
    async stop() {
      stopping.abort();
      await running;
    },
    get pending() {
      return Math.max(queue.length, posting);
    },
    get isFull() {
      return isFull();
    },
    async untilRoom() {
      if (!isFull()) return true;
      roomMade ??= Promise.withResolvers();
      const told = new AbortController();
      await Promise.race([roomMade.promise, delay(clock, roomLimitMs, told.signal).catch(() => undefined)]);
      told.abort();
      return !isFull();
    },
  };
}

/** What billing will say again however often it is asked. */
function isFinal(kind: string): boolean {
  return kind === "invalid_argument" || kind === "not_found" || kind === "failed_precondition";
}

function recordOf({ entry, record }: Ended): Uint8Array {
  return record ?? entry.record;
}

/** Nobody knows how it ended, so nothing is charged for it: what the provider reports is reconciled later. */
function toLost(fact: UsageFact, begun: Uint8Array): Uint8Array {
  return toBytes(endedFormat, { begun, fact: { ...fact, outcome: CallOutcome.LOST, isEstimated: true } });
}
