import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { Model } from "../../model.ts";
import type { ReadingProvider } from "../dialect.ts";
import { createSseReader } from "../openai/sse.ts";
import { readUsage } from "../openai/usage.ts";
import type { Fields } from "../request-fields.ts";
import { readNativeResponse } from "./native-response.ts";
import type { ResponseObject } from "./response-object.ts";
import { inputOf, readResponseRequest } from "./response-request.ts";

const shared: ReadingProvider = { dialect: "responses", source: "config", serverTools: false };
const model = { name: "alias", upstreamName: "gpt-5", maxOutputTokens: 9 } as Model;
const facts = {
  ...{ callId: "call_01", requestId: "req_01", upstreamModel: "gpt-5", startedAtMs: 1_700_000_000_000 },
  maxKeptLength: 1_000_000,
};
const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

function open(body: string, { provider = shared, history = [] as readonly Fields[], canKeep = true } = {}) {
  const read = readResponseRequest(Buffer.from(body));
  const kept: ResponseObject[] = [];
  const keeperFor = () => async (response: ResponseObject) => {
    kept.push(response);
    return canKeep;
  };
  const asked = { body: Buffer.from(body), read, history, input: inputOf(read, "p"), keeperFor };
  const { request, wire, createWriter } = readNativeResponse(asked, provider);
  assert.ok(wire);
  const sentWith = (limit?: number) => wire.draft(request, model).toBody(limit).toString();
  return { request, wire, kept, sentWith, writer: createWriter(facts) };
}

test("W15, W16: what is asked goes on byte for byte, but for the model, what limits it and where it is kept", () => {
  const body = `{ "model":"alias","input":"hi",  "seed":12345678901234567890, "new_field":{"a": 1e2},"tools":[{"type":"custom","name":"x"}],"store":true,"background":false }`;
  const { request, sentWith } = open(body);
  const sent = body.replace('"alias"', '"gpt-5"').replace('"store":true,"background":false', '"store":false');
  assert.equal(sentWith(), sent);
  assert.equal(sentWith(7), sent.replace("{ ", '{"max_output_tokens":7, '));
  assert.deepEqual(
    [request.isStream, request.outputLimit, request.json["messages"]],
    [...[false, undefined, [{ role: "user", content: [{ type: "text", text: "hi" }] }]]],
  );
  const limited = open(`{"model":"gpt-5","input":"hi","max_output_tokens":100,"stream":true}`);
  assert.equal(limited.sentWith(7), `{"store":false,"model":"gpt-5","input":"hi","max_output_tokens":7,"stream":true}`);
  assert.deepEqual(limited.request.outputLimit, { field: "max_output_tokens", tokens: 100 });
});

test("W24: a response is gone on from with what was said, and without thoughts that are sealed for an account", () => {
  const history = [
    { type: "message", id: "msg_1", role: "user", content: [{ type: "input_text", text: "hi" }] },
    { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "c2VhbGVk" },
    { type: "function_call", id: "fc_1", status: "completed", call_id: "a", name: "f", arguments: "{}" },
  ];
  const body = `{"model":"gpt-5","previous_response_id":"resp_0","input":[{"type":"function_call_output","call_id":"a","output":"x"}]}`;
  const sent = JSON.parse(open(body, { history }).sentWith());
  assert.deepEqual(
    sent.input.map(({ type, id }: Fields) => [type, id]),
    [
      ["message", undefined],
      ["function_call", undefined],
      ["function_call_output", "fco_p_0"],
    ],
  );
  assert.equal("previous_response_id" in sent, false);
});

test("what is in an account that others share, and what costs apart, is refused by name; an owner's own is not", () => {
  const item = (part: object) => ({ input: [{ role: "user", content: [part] }] });
  const brought = (type: string) => ({ input: [{ type, role: "developer", tools: [{ type: "web_search" }] }] });
  const refused: readonly (readonly [object, string])[] = [
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "p" } }, "prompt"],
    [{ input: [{ type: "item_reference", id: "x" }] }, "input[0].type"],
    [{ input: [] }, "input"],
    [item({ type: "input_file", file_id: "file_1" }), "input[0].content[0].file_id"],
    [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ tools: [{ type: "image_generation" }] }, "tools[0].type"],
    [{ tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }] }, "tools[0].type"],
    [brought("additional_tools"), "input[0].tools[0].type"],
    [brought("tool_search_output"), "input[0].tools[0].type"],
    [{ tools: [{ type: "namespace", name: "n", tools: [{ type: "mcp" }] }] }, "tools[0].tools[0].type"],
  ];
  for (const [fields, param] of refused) {
    const body = JSON.stringify({ model: "m", input: "hi", ...fields });
    assert.throws(
      () => open(body),
      (err) => isFailure(err) && err.details["param"] === param,
      param,
    );
  }
  const history = [brought("additional_tools").input[0] ?? {}];
  assert.throws(
    () => open(JSON.stringify({ model: "m", input: "hi" }), { history }),
    (err) => isFailure(err) && err.details["param"] === "previous_response_id[0].type",
  );
  const searching = JSON.stringify({ model: "m", input: "hi", tools: [{ type: "web_search" }] });
  open(searching, { provider: { ...shared, serverTools: true } });
  open(JSON.stringify({ model: "m", ...item({ type: "input_file", file_id: "f" }) }), {
    provider: { ...shared, source: "tenant", serverTools: true },
  });
});

const answered = `{"id":"resp_up","object":"response","status":"completed","model":"gpt-5-2026","store":false,"background":false,"output":[{"id":"msg_9","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi 🙂","annotations":[]}]}],"big":12345678901234567890,"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7},"previous_response_id":null}`;
const asOurs = answered
  .replace("resp_up", "resp_01")
  .replace("gpt-5-2026", "alias")
  .replace('"store":false', '"store":true');

test("W15, W46: a whole answer comes back byte for byte under our id and the caller's name of the model, and is kept so", async () => {
  const { wire, writer, kept } = open(`{"model":"alias","input":"hi"}`);
  const { body, json } = wire.toAnswer(Buffer.from(answered), JSON.parse(answered), facts);
  assert.equal(readUsage(json)?.outputTokens, 2n);
  assert.equal((await writer.whole(body, json, none)).toString(), asOurs);
  assert.equal(JSON.stringify(kept[0]), asOurs);
  const lost = open(`{"model":"alias","input":"hi"}`, { canKeep: false });
  assert.equal((await lost.writer.whole(body, json, none)).toString(), asOurs.replace('"store":true', '"store":false'));
  const unkept = open(`{"model":"alias","input":"hi","store":false}`);
  await unkept.writer.whole(body, json, none);
  assert.deepEqual(
    unkept.kept.map(({ store }) => store),
    [false],
    "who keeps it is told",
  );
});

const events = [
  `event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":${answered}}\n\n`,
  `event: response.output_text.delta\ndata: {"type":"response.output_text.delta","sequence_number":1,"output_index":0,"delta":"Hi 🙂"}\n\n`,
  `event: response.new_thing\ndata: {"type":"response.new_thing", "sequence_number":2,"n":12345678901234567890}\n\n`,
  `event: response.completed\ndata: {"type":"response.completed","sequence_number":3,"response":${answered}}\n\n`,
];

/** What a caller hears before the end, when bytes come in pieces of `size`. */
function stream(text: string, size: number, { wire, writer }: ReturnType<typeof open>): string {
  const reader = createSseReader(1_000_000);
  const reading = wire.createStream(facts);
  const bytes = Buffer.from(text);
  let heard = "";
  for (let at = 0; at < bytes.length; at += size) {
    for (const event of reader.push(bytes.subarray(at, at + size)).flatMap((one) => reading.read(one))) {
      if (event.data === "[DONE]") continue;
      const json = event.data?.startsWith("{") ? JSON.parse(event.data) : undefined;
      heard += writer.event(event, json)?.toString() ?? "";
    }
  }
  return heard;
}

test("W3, W5: a stream passes byte for byte wherever it is cut, and its last event waits for the charge", async () => {
  for (const size of [1, 7, 64, 100_000]) {
    const opened = open(`{"model":"alias","input":"hi","stream":true}`);
    const heard = stream(events.join(""), size, opened);
    assert.equal(heard, events.slice(0, 3).join("").replace(answered, asOurs), `${size}`);
    assert.equal((await opened.writer.end(none)).toString(), events[3]?.replace(answered, asOurs));
    assert.equal(JSON.stringify(opened.kept[0]), asOurs);
  }
});

test("W3: a stream that breaks off ends with a response that failed, numbered behind what was heard", () => {
  const opened = open(`{"model":"alias","input":"hi","stream":true}`);
  stream(events.slice(0, 2).join(""), 64, opened);
  const failure = new Failure(aiGatewayFailures.upstream_truncated, { model: "alias" });
  const [, data = ""] =
    /^event: response\.failed\ndata: (.+)\n\n$/.exec(opened.writer.fail(failure, "en_US").toString()) ?? [];
  const { sequence_number, response } = JSON.parse(data);
  assert.deepEqual([sequence_number, response.id, response.status, response.model], [2, "resp_01", "failed", "alias"]);
});
