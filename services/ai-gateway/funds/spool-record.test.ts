import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { CloseLeasesRequestSchema, UsageFactSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { parseRecord, type SpoolRecord, toRecord } from "./spool-record.ts";

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

test("a record of another version is not guessed at", () => {
  assert.throws(() => parseRecord(Uint8Array.of(0x7a, 1)), /a spool record of kind 122 is not known/);
  assert.throws(() => parseRecord(new Uint8Array()), /kind undefined/);
});
