import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { toCallToFund } from "../../call/call-to-fund.ts";
import type { Model, Target } from "../../model.ts";
import type { ReadingProvider } from "../dialect.ts";
import { readUsage } from "../openai/usage.ts";
import type { Fields } from "../request-fields.ts";
import { readCompaction } from "./compaction.ts";
import { inputOf, readResponseRequest, toCallRequest as toChatRequest } from "./response-request.ts";

const shared: ReadingProvider = { dialect: "responses", source: "config", serverTools: false };
const model = { name: "alias", upstreamName: "gpt-5", maxOutputTokens: 9_000 } as Model;
const facts = {
  ...{ callId: "call_01", requestId: "req_01", upstreamModel: "gpt-5", startedAtMs: 1_700_000_000_000 },
  maxKeptLength: 1_000_000,
};

const other: ReadingProvider = { ...shared, dialect: "anthropic" };

function read(body: string, { provider = shared, history = [] as readonly Fields[] } = {}) {
  const request = readResponseRequest(Buffer.from(body));
  return readCompaction({ body: Buffer.from(body), read: request, history, input: inputOf(request, "p") }, provider);
}

function open(body: string, options: Parameters<typeof read>[1] = {}) {
  const { request, wire, createWriter } = read(body, options);
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

test("what only a response has is refused by name", () => {
  for (const [field, value] of Object.entries({ stream: true, background: true, store: true, max_output_tokens: 5 })) {
    for (const provider of [shared, other]) {
      const asked = JSON.stringify({ model: "alias", input: "hi", [field]: value });
      assert.throws(
        () => read(asked, { provider }),
        (err) => isFailure(err, aiGatewayFailures.invalid_request) && err.details["param"] === field,
        field,
      );
    }
  }
  assert.throws(() => read(`{"model":"alias","input":[]}`), isFailure);
  assert.throws(() => read(`{"model":"alias","input":[]}`, { provider: other }), isFailure);
});

const tokens = { inputTokens: 90n, cachedInputTokens: 0n, outputTokens: 7n };
const answered = (content: unknown) => ({
  choices: [{ index: 0, message: { role: "assistant", content, reasoning_content: "Hm." }, finish_reason: "stop" }],
});

test("where the provider makes none the model is asked for a summary, and what users said stays beside it", async () => {
  const history = [
    { type: "message", id: "msg_1", role: "user", content: [{ type: "input_text", text: "My name is Ada." }] },
  ];
  const input = [
    { type: "function_call", call_id: "c1", name: "find", arguments: '{"q":1}' },
    { type: "function_call_output", call_id: "c1", output: "It is 7." },
    { role: "assistant", content: "Seven." },
    { role: "user", content: [{ type: "input_image", image_url: "data:image/png;base64,AA==" }] },
  ];
  const tools = [{ type: "web_search" }];
  const body = JSON.stringify({
    model: "alias",
    instructions: "Be exact.",
    tools,
    input,
    reasoning: { effort: "low" },
  });
  const { request, wire, createWriter } = read(body, { provider: other, history });
  assert.equal(wire, undefined);
  const { messages, ...others } = request.json as { messages: { role: string; content: string }[] };
  assert.deepEqual(others, { model: "alias" });
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["system", "user"],
  );
  assert.equal(
    messages[1]?.content,
    [
      ...["Instructions:\nBe exact.", "User:\nMy name is Ada.", 'Assistant:\nCalls find with {"q":1}'],
      ...["Result:\nIt is 7.", "Assistant:\nSeven.", "User:\n(a file)"],
    ].join("\n\n"),
  );
  const shown = await createWriter(facts).whole(Buffer.alloc(0), answered("Ada asked; it is 7."), tokens);
  const { usage, output, ...head } = JSON.parse(String(shown));
  assert.deepEqual(head, { id: "resp_01", object: "response.compaction", created_at: 1_700_000_000 });
  assert.deepEqual([usage.input_tokens, usage.output_tokens], [90, 7]);
  assert.deepEqual(
    output.map(({ type, role, id }: Fields) => [type, role, id]),
    [
      ["message", "user", "msg_01_0"],
      ["message", "user", "msg_01_1"],
      ["compaction", undefined, "cmp_01"],
    ],
  );

  const next = readResponseRequest(Buffer.from(JSON.stringify({ model: "alias", input: [output[0], output[2]] })));
  const told = "What was said before, in summary:\n\nAda asked; it is 7.";
  const { json } = toChatRequest(next, [], inputOf(next, "p"));
  assert.deepEqual(json["messages"], [
    { role: "user", content: "My name is Ada." },
    { role: "user", content: told },
  ]);
  // It goes on from there at any provider, one that makes its own among them.
  const native = open(JSON.stringify({ model: "alias", input: [output[2], { role: "user", content: "And?" }] }));
  const [first] = JSON.parse(native.draft.toBody(7).toString()).input;
  assert.deepEqual(first, { type: "message", role: "user", content: [{ type: "input_text", text: told }] });
  assert.equal(JSON.stringify(native.request.json["messages"]).includes("Ada asked"), true);
  // And is summed up again, not kept beside the summary.
  const again = read(JSON.stringify({ model: "alias", input: output }), { provider: other, history: [] });
  const second = JSON.parse(String(await again.createWriter(facts).whole(Buffer.alloc(0), answered("All."), tokens)));
  assert.equal(second.output.length, 3);
  assert.equal(JSON.stringify(second.output).includes("Ada asked"), false);
});

test("an answer without a summary is a failed call, for it would take the place of all that was said", () => {
  const { createWriter } = read(`{"model":"alias","input":"hi"}`, { provider: other });
  for (const content of [null, "", " \n", undefined]) {
    assert.throws(
      () => createWriter(facts).whole(Buffer.alloc(0), answered(content), tokens),
      (err) => isFailure(err, aiGatewayFailures.upstream_failed),
    );
  }
});

test("what another has sealed is refused where it cannot be read", () => {
  const item = { type: "compaction", id: "cmp_1", encrypted_content: "c2VhbGVk" };
  const request = readResponseRequest(Buffer.from(JSON.stringify({ model: "alias", input: [item] })));
  assert.throws(
    () => toChatRequest(request, [], inputOf(request, "p")),
    (err) => isFailure(err, aiGatewayFailures.invalid_request) && err.details["param"] === "input[0].type",
  );
});
