import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  CallOutcome,
  CloseLeasesRequestSchema,
  ServiceMode,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { parseRecord, type SpoolRecord, toEndedRecord, toRecord } from "./spool-record.ts";

test("a record is read as it was written, also of an empty message, and its first byte says what it is", () => {
  const fact = create(UsageFactSchema, { callId: "call_1", tokens: { inputTokens: 5n } });
  const closing = create(CloseLeasesRequestSchema, { nodeId: "node_1", leaseIds: ["lse_1", "lse_2"] });
  const records: readonly (readonly [string, SpoolRecord])[] = [
    ["b", { kind: "begun", fact }],
    ["e", { kind: "ended", fact }],
    ["e", { kind: "ended", fact: create(UsageFactSchema, {}) }],
    ["l", { kind: "lease", closing }],
  ];
  for (const [code, record] of records) {
    const bytes = toRecord(record);
    assert.equal(String.fromCharCode(bytes[0] ?? 0), code);
    assert.deepEqual(parseRecord(bytes), record);
  }
});

test("what is known at the beginning of an attempt and what is new at its end come back as one", () => {
  const names = {
    callId: "call_1",
    attempt: 2,
    leaseId: "lse_1",
    requestId: "req_1",
    tenantId: "ten_1",
    keyId: "key_1",
  };
  const more = { userId: "usr_1", provider: "p", model: "m", priceId: "pri_1", startedAtMs: 7n, tags: "env=prod" };
  const begun = create(UsageFactSchema, { ...names, ...more });
  const record = toRecord({ kind: "begun", fact: begun });
  const ends = [
    { outcome: CallOutcome.COMPLETED, tokens: { inputTokens: 5n, other: { reasoning: 3n } }, latencyMs: 812n },
    { outcome: CallOutcome.TRUNCATED, isEstimated: true, isUncharged: true, serviceMode: ServiceMode.FLEX },
    { outcome: CallOutcome.FAILED, mayHaveUsed: { outputTokens: 9n } },
    {},
  ];
  for (const end of ends) {
    const fact = create(UsageFactSchema, { ...names, ...more, ...end });
    assert.deepEqual(parseRecord(toEndedRecord(record, fact)), { kind: "ended", fact });
  }
  assert.deepEqual(parseRecord(record), { kind: "begun", fact: begun }, "the first record stays as it was");
});

test("a record of another version is not guessed at", () => {
  assert.throws(() => parseRecord(Uint8Array.of(0x7a, 1)), /a spool record of kind 122 is not known/);
  assert.throws(() => parseRecord(new Uint8Array()), /kind undefined/);
});
