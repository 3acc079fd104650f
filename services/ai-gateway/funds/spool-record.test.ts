import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  CallOutcome,
  CloseLeasesRequestSchema,
  ServiceMode,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toBytes } from "@lyss/kit/spool/record-format.ts";
import { begunFormat, endedFormat, parseRecord, type SpoolRecord, toRecord } from "./spool-record.ts";

test("a record is read as it was written, also of an empty message, and its first byte says what it is", () => {
  const empty = create(UsageFactSchema, {});
  const fact = create(UsageFactSchema, { callId: "call_1" });
  const closing = create(CloseLeasesRequestSchema, { nodeId: "node_1", leaseIds: ["lse_1", "lse_2"] });
  const records: readonly (readonly [code: string, bytes: Uint8Array, SpoolRecord])[] = [
    ["b", toBytes(begunFormat, fact), { kind: "begun", fact }],
    ["b", toBytes(begunFormat, empty), { kind: "begun", fact: empty }],
    ["e", toBytes(endedFormat, { begun: toBytes(begunFormat, empty), fact: empty }), { kind: "ended", fact: empty }],
    ["l", toRecord(closing), { kind: "lease", closing }],
  ];
  for (const [code, bytes, record] of records) {
    assert.equal(String.fromCharCode(bytes[0] ?? 0), code);
    assert.deepEqual(parseRecord(bytes), record);
  }
});

const names = {
  ...{ callId: "call_1", attempt: 1, leaseId: "lse_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1" },
  ...{ userId: "usr_1", provider: "openai", model: "gpt-5-mini", priceId: "pri_1", tags: "env=prod" },
  startedAtMs: 1_764_000_000_000n,
};

test("what is known at the beginning of an attempt and what is new at its end come back as one", () => {
  const begun = create(UsageFactSchema, names);
  const record = toBytes(begunFormat, begun);
  const ends = [
    { outcome: CallOutcome.COMPLETED, tokens: { inputTokens: 5n, other: { reasoning: 3n } }, latencyMs: 812n },
    { outcome: CallOutcome.TRUNCATED, isEstimated: true, isUncharged: true, serviceMode: ServiceMode.FLEX },
    { outcome: CallOutcome.FAILED, mayHaveUsed: { outputTokens: 9n } },
    {},
  ];
  for (const end of ends) {
    const fact = create(UsageFactSchema, { ...names, ...end });
    assert.deepEqual(parseRecord(toBytes(endedFormat, { begun: record, fact })), { kind: "ended", fact });
  }
  assert.deepEqual(parseRecord(record), { kind: "begun", fact: begun }, "the first record stays as it was");
});

test("records are, byte for byte, as generated code has written them: either version reads what the other left", () => {
  const begun = toBytes(begunFormat, create(UsageFactSchema, names));
  const end = {
    ...{ outcome: CallOutcome.TRUNCATED, isEstimated: true, latencyMs: 812n, serviceMode: ServiceMode.FLEX },
    tokens: { inputTokens: 1_234n, cachedInputTokens: 512n, outputTokens: 345n, other: { reasoning: 300n } },
    mayHaveUsed: { outputTokens: 9n },
  };
  const ended = toBytes(endedFormat, { begun, fact: create(UsageFactSchema, { ...names, ...end }) });
  const known =
    "CgZjYWxsXzEQARoFbHNlXzEiBXJlcV8xKgV0ZW5fMTIFa2V5XzE6BXVzcl8xQgZvcGVuYWlKCmdwdC01LW1pbmlSBXByaV8xeIDQ37SrM5IBCGVudj1wcm9k";
  assert.equal(
    begun.toString("base64"),
    Buffer.concat([Buffer.from("b"), Buffer.from(known, "base64")]).toString("base64"),
  );
  const added = "WARiDgjSCRCABBjZAiIDGKwCaAFwrAaAAQKaAQIYCQ==";
  assert.equal(
    ended.toString("base64"),
    Buffer.concat([Buffer.from("e"), Buffer.from(known, "base64"), Buffer.from(added, "base64")]).toString("base64"),
  );
});

test("a record of another version is not guessed at", () => {
  assert.throws(() => parseRecord(Uint8Array.of(0x7a, 1)), /a spool record of kind 122 is not known/);
  assert.throws(() => parseRecord(new Uint8Array()), /kind undefined/);
});
