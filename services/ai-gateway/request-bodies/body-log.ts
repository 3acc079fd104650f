import { StringDecoder } from "node:string_decoder";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Keyring } from "@lyss/kit/crypto/keyring.ts";
import { seal } from "@lyss/kit/crypto/seal.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";
import type { DataPolicies } from "../data-policies/data-policies.ts";
import { assembleAnswer } from "./assemble-answer.ts";
import type { ReadyPolicy } from "./body-policies.ts";
import type { BodyStore } from "./body-store.ts";
import type { BodyRow } from "./request-body.ts";

/** A call of which is kept what is said in it. */
export interface RecordedCall {
  readonly callId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly model: string;
  readonly surface: string;
  readonly policy: ReadyPolicy;
  readonly startedAt: Date;
  /** As its caller wrote it, but for prompts, which are written out. */
  readonly request: Buffer;
}

interface ToldAnswer {
  /** As its caller got it, whole or as a stream; undefined where nothing came. */
  readonly answer: Buffer | undefined;
  readonly isComplete: boolean;
  /** What was taken of the node's memory for it. */
  readonly takenBytes: number;
}

/** A request or answer as it is kept. */
export interface KeptBody {
  /** Of the whole, redacted. */
  readonly bytes: number;
  readonly isTruncated: boolean;
  /** Of JSON; of one that was cut its first characters. */
  readonly content: unknown;
}

/** Request and answer of one call, inside their seal. */
export interface KeptBodies {
  readonly request: KeptBody;
  readonly answer: KeptBody | null;
}

/** Writes down what is said in calls, a second later. No call waits for it or fails by it: what is too much is dropped and counted. */
export interface BodyLog {
  /** Takes room in this node's memory; false where there is none. */
  take(bytes: number): boolean;
  /** Gives up a call for which there was no room. */
  drop(call: Pick<RecordedCall, "tenantId">, takenBytes: number): void;
  add(call: RecordedCall, told: ToldAnswer): void;
  /** How many calls of a tenant this node has not kept since it began. */
  droppedOf(tenantId: string): number;
  /** Of a person who is gone nothing is written any more. */
  forgetPerson(userId: string): void;
  /** Writes what has ended until now. Never rejects. */
  flush(): Promise<void>;
  readonly jobs: readonly Job[];
}

export interface BodyLogDeps {
  readonly db: Database;
  readonly bodyStore: BodyStore;
  readonly dataPolicies: Pick<DataPolicies, "hold">;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
}

type Waiting = RecordedCall & ToldAnswer;
type DropReason = "no_room" | "unredacted" | "unwritten";

const zip = promisify(gzip);
const everyMs = 1_000;
const maxWaitingCalls = 2_000;
/** Of one node: calls under way of which something is kept, and those that wait to be written. */
const maxTakenBytes = 67_108_864;
const sweepEveryMs = 60_000;
const sweepLimit = 1_000;
const dataKeyBytes = 32;
const dayMs = 86_400_000;

/** What binds a sealed body to its row. */
export function bindingOf({ tenantId, callId }: Pick<RecordedCall, "tenantId" | "callId">): string {
  return JSON.stringify([tenantId, callId]);
}

/** What binds a tenant's wrapped key to its row. */
export function keyContextOf({ tenantId, dataKeyId }: { readonly tenantId: string; readonly dataKeyId: string }) {
  return JSON.stringify([tenantId, dataKeyId]);
}

export function createBodyLog(deps: BodyLogDeps): BodyLog {
  const { db, bodyStore, dataPolicies, clock, random, log, metrics } = deps;
  let waiting: Waiting[] = [];
  let takenBytes = 0;
  let writing: Promise<void> = Promise.resolve();
  const dropped = new Map<string, number>();
  const registers = [metrics];
  const stored = new Counter({
    name: "llm_request_bodies_stored_total",
    help: "Calls of which request and answer were kept.",
    registers,
  });
  const droppedTotal = new Counter({
    name: "llm_request_bodies_dropped_total",
    help: "Calls whose request and answer should have been kept and were not: no room, not to be redacted in time, or not written.",
    labelNames: ["reason"],
    registers,
  });
  new Gauge({
    name: "llm_request_bodies_waiting_bytes",
    help: "Memory that is taken by what is to be kept and is not written yet.",
    registers,
    collect() {
      this.set(takenBytes);
    },
  });

  function noteDropped(tenantId: string, reason: DropReason): void {
    droppedTotal.inc({ reason });
    dropped.set(tenantId, (dropped.get(tenantId) ?? 0) + 1);
  }

  async function writeAll(): Promise<void> {
    const calls = waiting;
    waiting = [];
    for (const [tenantId, own] of Map.groupBy(calls, (call) => call.tenantId)) {
      const ready: { call: Waiting; plain: Buffer; isTruncated: boolean }[] = [];
      for (const call of own) {
        try {
          ready.push({ call, ...(await toPlain(call)) });
        } catch (err) {
          noteDropped(tenantId, "unredacted");
          log.warn({ err, call_id: call.callId }, "a call is not kept, for it cannot be redacted");
        }
      }
      try {
        stored.inc(await db.transaction((tx) => write(tx, tenantId, ready)));
      } catch (err) {
        for (const _ of ready) noteDropped(tenantId, "unwritten");
        log.warn({ err, calls: ready.length }, "what was said in calls cannot be written, and is not kept");
      }
    }
    for (const call of calls) takenBytes -= call.takenBytes;
  }

  /** How many were written. Those of a tenant that keeps nothing any more, or may not, and from before a purge, are not. */
  async function write(
    tx: Tx,
    tenantId: string,
    ready: readonly { readonly call: Waiting; readonly plain: Buffer; readonly isTruncated: boolean }[],
  ): Promise<number> {
    const policy = await bodyStore.holdPolicy(tx, tenantId);
    const allowed = await dataPolicies.hold(tx, tenantId);
    const wanted =
      policy && allowed.storeBodies
        ? ready.filter(({ call }) => !policy.purgedAt || call.startedAt > policy.purgedAt)
        : [];
    if (!policy || wanted.length === 0) return 0;
    const key = await dataKeyOf(deps, tx, tenantId);
    const expiresAt = new Date(clock.nowMs() + Math.min(policy.spec.retention_days, allowed.retentionDays) * dayMs);
    for (const { call, plain, isTruncated } of wanted) {
      const { callId, userId, keyId, model, surface, isComplete, startedAt } = call;
      const row: BodyRow = {
        ...{ callId, tenantId, userId, keyId, model, surface, isComplete, isTruncated, startedAt, expiresAt },
        ...{ dataKeyId: key.dataKeyId, sealed: seal(random, key.bytes, plain, bindingOf(call)) },
      };
      await bodyStore.insert(tx, row);
    }
    return wanted.length;
  }

  const flush = () => {
    writing = writing.then(writeAll).catch((err: unknown) => log.error({ err }, "what was said in calls is not kept"));
    return writing;
  };

  return {
    take(bytes) {
      if (takenBytes + bytes > maxTakenBytes) return false;
      takenBytes += bytes;
      return true;
    },
    drop({ tenantId }, bytes) {
      takenBytes -= bytes;
      noteDropped(tenantId, "no_room");
    },
    add(call, told) {
      if (waiting.length >= maxWaitingCalls) this.drop(call, told.takenBytes);
      else waiting.push({ ...call, ...told });
    },
    droppedOf: (tenantId) => dropped.get(tenantId) ?? 0,
    forgetPerson(userId) {
      for (const call of waiting) if (call.userId === userId) takenBytes -= call.takenBytes;
      waiting = waiting.filter((call) => call.userId !== userId);
    },
    flush,
    jobs: [
      { name: "keep-request-bodies", everyMs, run: flush },
      {
        name: "forget-request-bodies",
        everyMs: sweepEveryMs,
        async run(signal) {
          const now = new Date(clock.nowMs());
          while (!signal.aborted && (await bodyStore.deleteExpired(now, sweepLimit)) === sweepLimit);
          while (!signal.aborted && (await bodyStore.deleteShredded(sweepLimit)) === sweepLimit);
        },
      },
    ],
  };
}

/** The tenant's key, made at first use; it stays until the end of the transaction. */
async function dataKeyOf({ bodyStore, keyring, clock, random }: BodyLogDeps, tx: Tx, tenantId: string) {
  let stored = await bodyStore.findKey(tx, tenantId);
  if (!stored) {
    const name = { tenantId, dataKeyId: random.id("dek") };
    const wrapped = await keyring.wrap(random.bytes(dataKeyBytes), keyContextOf(name));
    await bodyStore.insertKey(tx, { ...name, ...wrapped }, new Date(clock.nowMs()));
    // Another node may have been first.
    stored = await bodyStore.findKey(tx, tenantId);
  }
  const bytes = stored && (await keyring.unwrap(stored, keyContextOf(stored)));
  if (!stored || !bytes) throw new Error("the key of a tenant does not open: the root key is another one");
  return { dataKeyId: stored.dataKeyId, bytes };
}

async function toPlain({ request, answer, policy }: Waiting) {
  const asked = await toKept(policy, parseRequest(request));
  const told = answer && assembleAnswer(answer);
  const kept: KeptBodies = { request: asked, answer: told === undefined ? null : await toKept(policy, told) };
  const plain = await zip(JSON.stringify(kept));
  return { plain, isTruncated: kept.request.isTruncated || (kept.answer?.isTruncated ?? false) };
}

/** A form, which is no JSON, is kept by its size alone. */
function parseRequest(request: Buffer): unknown {
  try {
    return JSON.parse(request.toString("utf8"));
  } catch {
    return `[form, ${request.length} bytes]`;
  }
}

async function toKept({ redaction, spec }: ReadyPolicy, json: unknown): Promise<KeptBody> {
  const content = await redaction(json);
  const whole = Buffer.from(JSON.stringify(content));
  if (whole.length <= spec.max_bytes) return { bytes: whole.length, isTruncated: false, content };
  const cut = new StringDecoder("utf8").write(whole.subarray(0, spec.max_bytes));
  return { bytes: whole.length, isTruncated: true, content: cut };
}
