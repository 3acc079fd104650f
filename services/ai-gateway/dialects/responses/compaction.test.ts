import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { toCallToFund } from "../../call/call-to-fund.ts";
import type { Model, Target } from "../../model.ts";
import type { ReadingProvider } from "../dialect.ts";
import { readUsage } from "../openai/usage.ts";
import type { Fields } from "../request-fields.ts";
import { readCompaction } from "./compaction.ts";
import { inputOf, readResponseRequest } from "./response-request.ts";

const shared: ReadingProvider = { dialect: "responses", source: "config", serverTools: false };
const model = { name: "alias", upstreamName: "gpt-5", maxOutputTokens: 9_000 } as Model;
const facts = {
  ...{ callId: "call_01", requestId: "req_01", upstreamModel: "gpt-5", startedAtMs: 1_700_000_000_000 },
  maxKeptLength: 1_000_000,
};

function open(body: string, { provider = shared, history = [] as readonly Fields[] } = {}) {
  const read = readResponseRequest(Buffer.from(body));
  const asked = { body: Buffer.from(body), read, history, input: inputOf(read, "p") };
  const { request, wire, createWriter } = readCompaction(asked, provider);
  assert.ok(wire);
  return { request, wire, draft: wire.draft(request, model), writer: createWriter(facts) };
}

test("what is asked goes on byte for byte, with all that was said before it, and is answered under an id of ours", async () => {
  const body = `{ "model":"alias","instructions":"Be exact.",  "new_field":{"a": 1e2},"previous_response_id":"resp_0","input":"hi"}`;
  const history = [{ type: "message", id: "msg_1", role: "user", content: [{ type: "input_text", text: "ho" }] }];
  const { wire, draft, writer } = open(body, { history });
  assert.equal(draft.endpoint, "/responses/compact");
  const sent = draft.toBody(7).toString();
  assert.match(sent, /"new_field":\{"a": 1e2\}/);
  assert.deepEqual(
    [JSON.parse(sent).model, JSON.parse(sent).input.length, "previous_response_id" in JSON.parse(sent)],
    ["gpt-5", 2, false],
  );
  const item = { type: "compaction", id: "cmp_1", encrypted_content: "c2VhbGVk" };
  const usage = {
    input_tokens: 10,
    output_tokens: 4,
    total_tokens: 14,
  };
  const answer = { id: "resp_theirs", object: "response.compaction", created_at: 1, output: [item], usage };
  const received = Buffer.from(JSON.stringify(answer));
  const { body: kept, json } = wire.toAnswer(received, answer, facts);
  assert.equal(kept, received);
  const tokens = readUsage(json);
  assert.deepEqual([tokens?.inputTokens, tokens?.outputTokens], [10n, 4n]);
  const shown = await writer.whole(kept, json, tokens ?? assert.fail());
  assert.deepEqual(JSON.parse(String(shown)), { ...answer, id: "resp_01" });
});

test("nothing in it can limit what is put out: there is money for all of it, or it is not asked", () => {
  const { request } = open(`{"model":"alias","input":"hi"}`);
  const target = { provider: { name: "vendor" }, model } as Target;
  const caller = { tenantId: "t", keyId: "k", userId: "u" } as Parameters<typeof toCallToFund>[0]["caller"];
  const given = {
    callId: "call_01",
    attempt: 1,
    continuesAttempt: undefined,
    requestId: "req_01",
    caller,
    request,
    target,
    inputTokens: 5,
    tags: "",
  };
  const { minOutputTokens, maxOutputTokens, isMetered } = toCallToFund(given);
  assert.deepEqual([minOutputTokens, maxOutputTokens, isMetered], [9_000n, 9_000n, false]);
});

test("a provider without compactions is named, and so is what only a response has", () => {
  const body = `{"model":"alias","input":"hi"}`;
  assert.throws(
    () => open(body, { provider: { ...shared, dialect: "anthropic" } }),
    (err) => isFailure(err, connectionFailures.compaction_not_offered),
  );
  for (const [field, value] of Object.entries({ stream: true, background: true, store: true, max_output_tokens: 5 })) {
    const asked = JSON.stringify({ model: "alias", input: "hi", [field]: value });
    assert.throws(
      () => open(asked),
      (err) => isFailure(err, aiGatewayFailures.invalid_request) && err.details["param"] === field,
      field,
    );
  }
  assert.throws(() => open(`{"model":"alias","input":[]}`), isFailure);
});
