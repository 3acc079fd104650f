import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { PostFactsRequestSchema, UsageFactSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { copyMessage } from "@lyss/kit/rpc/copy-message.ts";
import { wireFormOf } from "@lyss/kit/rpc/wire-form.ts";
import { toBytes } from "@lyss/kit/spool/record-format.ts";
import { blankFact } from "./call-fact.ts";
import { toPostRequest } from "./post-request.ts";
import { begunFormat, endedFormat } from "./spool-record.ts";

test("a request is of the facts, and goes over the wire, byte for byte, as theirs does", () => {
  for (const lengths of [[], [0], [1, 126, 127, 128, 20_000], Array.from({ length: 300 }, (_, i) => i)]) {
    const facts = lengths.map((length) => create(UsageFactSchema, { callId: "c".repeat(length), latencyMs: 3n }));
    const records = facts.map((fact) => toBytes(endedFormat, { begun: toBytes(begunFormat, fact), fact }));
    const request = toPostRequest("node_1", records);
    const whole = create(PostFactsRequestSchema, { nodeId: "node_1", facts });
    const filled = facts.map((fact) => ({ ...blankFact(), ...fact }));
    assert.deepEqual(copyMessage(request), { ...whole, facts: filled });
    const sent = toBinary(PostFactsRequestSchema, wireFormOf(request));
    assert.deepEqual(sent, toBinary(PostFactsRequestSchema, whole));
    assert.deepEqual(fromBinary(PostFactsRequestSchema, sent), whole);
  }
});
