import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type BillingService,
  CallOutcome,
  PostFactsRequestSchema,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { wireFormOf } from "@lyss/kit/rpc/wire-form.ts";
import { toBytes } from "@lyss/kit/spool/record-format.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { pino } from "pino";
import { createFactJournal } from "./fact-journal.ts";
import { parseRecord } from "./spool-record.ts";

export const factOf = (callId: string, leaseId = "lse_1", attempt = 1) =>
  create(UsageFactSchema, { callId, leaseId, attempt, outcome: CallOutcome.COMPLETED });

/** A journal on a spool in memory, beside a billing that refuses what it is told to. */
export function start({ maxPendingFacts = 50_000 } = {}) {
  const clock = createFakeClock();
  /** By request: what was posted. */
  const posted: string[][] = [];
  const estimated: (boolean | undefined)[] = [];
  /** Of the next requests: why they are refused; undefined for those that are not. */
  const refusals: (Error | undefined)[] = [];
  /** Calls that billing never takes, and why. */
  const unwanted = new Map<string, Error>();
  let answering: Promise<void> | undefined;
  const billing: Pick<Client<typeof BillingService>, "postFacts"> = {
    async postFacts(request, options) {
      // As it arrives at the other end.
      const sent = toBinary(PostFactsRequestSchema, create(PostFactsRequestSchema, wireFormOf(request)));
      const { nodeId, facts } = fromBinary(PostFactsRequestSchema, sent);
      assert.deepEqual([nodeId, options], ["node_1", { timeoutMs: 10_000 }]);
      const names = facts.map(({ callId, outcome }) => `${callId}${outcome === CallOutcome.LOST ? " lost" : ""}`);
      posted.push(names);
      estimated.push(...facts.map(({ isEstimated }) => isEstimated));
      await answering;
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      for (const { callId } of facts) {
        const err = unwanted.get(callId);
        if (err) throw err;
      }
      return {} as never;
    },
  };
  const kept = new Map<SpoolEntry, string>();
  let isFull = false;
  let isClosed = false;
  let composed: SpoolEntry[] = [];
  const spool: Pick<Spool, "compose" | "written" | "drop"> = {
    compose(format, subject) {
      if (isClosed) throw new Error("the spool is closed");
      const entry = { record: toBytes(format, subject) };
      composed.push(entry);
      return entry;
    },
    async written() {
      const entries = composed;
      composed = [];
      if (isFull) throw new Error("the disk is full");
      await Promise.resolve();
      for (const entry of entries) {
        const parsed = parseRecord(entry.record);
        assert.ok(parsed.kind !== "lease");
        kept.set(entry, `${parsed.fact.callId} ${parsed.kind}`);
      }
    },
    drop(entry) {
      assert.ok(entry.record.length > 0);
      kept.delete(entry);
    },
  };
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(toText(JSON.parse(line))) });
  const parts = { billing: billing as Client<typeof BillingService>, spool: spool as Spool };
  const journal = createFactJournal({ ...parts, nodeId: "node_1", clock, log, maxPendingFacts });
  const charged: string[] = [];
  async function begin(callId: string, leaseId?: string) {
    const attempt = journal.begin(factOf(callId, leaseId));
    await attempt.written;
    return attempt;
  }
  return {
    ...{ begin, journal, clock, kept, estimated, posted, refusals, unwanted, logged, charged },
    setFull: (value: boolean) => {
      isFull = value;
    },
    setClosed: (value: boolean) => {
      isClosed = value;
    },
    /** Billing answers when the function it gives is called. */
    holdAnswers(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      answering = promise;
      return resolve;
    },
    listKept: () => [...kept.values()],
    takePosted: () => posted.splice(0),
    async advance(durationMs: number): Promise<void> {
      clock.advance(durationMs);
      await quiet();
    },
    async end(callId: string, leaseId = "lse_1"): Promise<void> {
      const attempt = await begin(callId, leaseId);
      await journal.end(attempt, () => void charged.push(callId));
      await quiet();
    },
  };
}

function toText({ level, msg, call_id: callId, facts, attempts, err }: Record<string, unknown>): string {
  const why = err ? [(err as { type: string }).type] : [];
  return [level === 50 ? "error" : "warn", callId ?? facts ?? attempts, msg, ...why].join(" ");
}

/** What was set off has happened. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}
