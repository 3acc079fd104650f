import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createProgress, toCallerEvent } from "../../call/relay-stream.ts";
import type { Model, Target } from "../../model.ts";
import type { ReadingProvider } from "../dialect.ts";
import { createSseReader } from "../openai/sse.ts";
import { readUsage } from "../openai/usage.ts";
import { askInAnthropic } from "./messages.ts";
import { readBetas } from "./read-betas.ts";

const shared: ReadingProvider = { dialect: "anthropic", source: "config", serverTools: false };
const own: ReadingProvider = { dialect: "anthropic", source: "tenant", serverTools: true };
const model = { name: "alias", upstreamName: "claude-sonnet-4-6", maxOutputTokens: 4_096 } as Model;
const target = { model } as Target;
const facts = { callId: "c", requestId: "r", upstreamModel: model.upstreamName, startedAtMs: 0, maxKeptLength: 1_000 };

/** What chat has no place for, with spaces, an order and numbers that a second writer would change. */
const asked = `{ "max_tokens":64000, "model" : "alias","thinking":{"type":"enabled","budget_tokens":2000},
  "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral","ttl":"1h"}}],
  "unknown_field":{"b":1,"a":12345678901234567890},
  "messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="},"citations":{"enabled":true}},
    {"type":"text","text":"hi"}]},
   {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3pzix"},
    {"type":"tool_use","id":"toolu_1","name":"f","input":{"seed":9007199254740993.50}}]},
   {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"image","source":{"type":"url","url":"https://x/y.png"}}]}]}],
  "stream":true}`;

function read(body: string, provider = shared, betas: readonly string[] = []) {
  const call = askInAnthropic(Buffer.from(body), betas).readFor(provider);
  const wire = call.wire ?? assert.fail("no wire of its own");
  return { ...call, wire, draft: wire.draft(call.request, model) };
}

/** What a caller sees of a stream, and what is learned of it on the way, by the code that relays every stream. */
function relay(stream: string) {
  const { wire, createWriter } = read(asked);
  const progress = createProgress();
  const writer = createWriter(facts);
  const events = wire.createStream(facts);
  const parts = { target, writer, isRead: true };
  let seen = "";
  for (const event of createSseReader(1_000_000)
    .push(Buffer.from(stream))
    .flatMap((one) => events.read(one))) {
    seen += toCallerEvent(parts, event, progress)?.toString() ?? "";
  }
  return { seen, progress, writer };
}

const event = (json: { readonly type: string }) => `event: ${json.type}\ndata: ${JSON.stringify(json)}\n\n`;
const startUsage = {
  ...{ input_tokens: 10, cache_creation_input_tokens: 30, cache_read_input_tokens: 500, output_tokens: 1 },
  cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
};
const start = {
  type: "message_start",
  message: { id: "msg_1", type: "message", role: "assistant", model: "claude-sonnet-4-6-20260101", usage: startUsage },
};
const body = [
  event({ type: "ping" }),
  event({
    type: "content_block_start",
    ...{ index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
  }),
  event({ type: "content_block_delta", ...{ index: 0, delta: { type: "thinking_delta", thinking: "hm" } } }),
  event({
    type: "content_block_delta",
    ...{ index: 0, delta: { type: "signature_delta", signature: "EqQBCgIYAhIM" } },
  }),
  event({ type: "content_block_stop", ...{ index: 0 } }),
  event({
    type: "content_block_start",
    ...{ index: 1, content_block: { type: "redacted_thinking", data: "EmwKAhgB" } },
  }),
  event({ type: "content_block_stop", ...{ index: 1 } }),
  event({
    type: "content_block_start",
    ...{ index: 2, content_block: { type: "server_tool_use", id: "s", name: "web_search" } },
  }),
  event({
    type: "content_block_delta",
    ...{ index: 2, delta: { type: "input_json_delta", partial_json: '{"query":"x"}' } },
  }),
  event({ type: "content_block_stop", ...{ index: 2 } }),
  event({ type: "a_later_event", ...{ new: [1] } }),
  event({ type: "content_block_delta", ...{ index: 3, delta: { type: "text_delta", text: "Hello" } } }),
  event({
    type: "content_block_delta",
    ...{ index: 3, delta: { type: "citations_delta", citation: { cited_text: "x" } } },
  }),
].join("");
const lastDelta = event({
  type: "message_delta",
  ...{ delta: { stop_reason: "end_turn" }, usage: { output_tokens: 42, server_tool_use: { web_search_requests: 2 } } },
});
const stop = event({ type: "message_stop" });

test("W16: a request reaches Anthropic byte for byte, numbers, order and spaces too; only the model has its name there", () => {
  const { draft, request } = read(asked);
  assert.equal(draft.endpoint, "/messages");
  assert.equal(draft.toBody(undefined).toString(), asked.replace('"alias"', '"claude-sonnet-4-6"'));
  assert.equal(draft.toBody(7).toString(), asked.replace('"alias"', '"claude-sonnet-4-6"').replace("64000", "7"));
  assert.deepEqual(request.outputLimit, { field: "max_tokens", tokens: 64_000 });
  assert.equal(request.isStream, true);
});

test("W22, W23: thoughts, their signatures, redacted ones and what is not known reach the caller byte for byte", () => {
  const { seen } = relay(event(start) + body + lastDelta + stop);
  assert.equal(seen.slice(seen.indexOf("event: ping")), body + lastDelta);
});

test("W28: the input that a stream began with and the output that it named last are charged, each once", () => {
  const first = event({ type: "message_delta", ...{ delta: {}, usage: { output_tokens: 20 } } });
  const { progress } = relay(event(start) + body + first + lastDelta + stop);
  assert.deepEqual(progress.usage, {
    ...{ inputTokens: 10n, cachedInputTokens: 500n, outputTokens: 42n },
    otherBuckets: { cacheWrite5m: 10n, cacheWrite1h: 20n, toolCalls: 2n },
  });
  assert.equal(progress.isDone, true);
});

test("W3: the end of a message leaves only when it is written, and never after an error, which is ours", async () => {
  const { seen, writer } = relay(event(start) + body + lastDelta + stop);
  assert.equal(seen.includes("message_stop"), false);
  assert.equal(String(await writer.end({ inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n })), stop);
  const error = event({ type: "error", ...{ error: { type: "overloaded_error", message: "sk-secret" } } });
  assert.throws(
    () => relay(event(start) + error),
    (err) => isFailure(err) && !JSON.stringify(err).includes("secret"),
  );
});

test("W46: an answer names the model as its caller did, whole and streamed, and nothing else of it changes", async () => {
  const { seen } = relay(event(start));
  const [, data] = /^event: message_start\ndata: (.+)\n\n$/.exec(seen) ?? [];
  assert.deepEqual(JSON.parse(data ?? ""), { ...start, message: { ...start.message, model: "alias" } });
  const whole = `{"type":"message","content":[{"type":"text","text":"x","n":12345678901234567890}],"model":"claude-x", "stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}`;
  const { wire, createWriter } = read(asked);
  const { body: bytes, json } = wire.toAnswer(Buffer.from(whole), JSON.parse(whole), facts);
  const tokens = readUsage(json) ?? assert.fail("no usage");
  assert.equal(String(await createWriter(facts).whole(bytes, json, tokens)), whole.replace("claude-x", "alias"));
});

test("W26, W27: input of Anthropic's leaves out what was read from a cache and written to one, for minutes or for an hour", () => {
  const { wire } = read(asked);
  const message = {
    type: "message",
    content: [],
    model: "m",
    stop_reason: "end_turn",
    usage: { ...startUsage, output_tokens: 9 },
  };
  assert.deepEqual(readUsage(wire.toAnswer(Buffer.alloc(0), message, facts).json), {
    ...{ inputTokens: 10n, cachedInputTokens: 500n, outputTokens: 9n },
    otherBuckets: { cacheWrite5m: 10n, cacheWrite1h: 20n },
  });
});

test("W26, W28: vendors who begin a stream with all input, and say at its end what of it came from a cache, are believed at its end", () => {
  const usageOf = (first: object, last: object) =>
    relay(
      event({ type: "message_start", ...{ message: { ...start.message, usage: first } } }) +
        event({ type: "message_delta", ...{ delta: { stop_reason: "end_turn" }, usage: last } }) +
        stop,
    ).progress.usage;
  // As Qwen's and Kimi's endpoints do it (github.com/maximhq/bifrost, 5355 and 5510).
  const qwen = usageOf(
    { input_tokens: 8_834, output_tokens: 0 },
    { input_tokens: 18, output_tokens: 426, cache_creation_input_tokens: 0, cache_read_input_tokens: 8_831 },
  );
  assert.deepEqual(qwen, { inputTokens: 18n, cachedInputTokens: 8_831n, outputTokens: 426n });
  const kimi = usageOf(
    { input_tokens: 173_306, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 0 },
    { input_tokens: 250, output_tokens: 9, cache_read_input_tokens: 173_056, prompt_tokens: 173_306 },
  );
  assert.deepEqual(kimi, { inputTokens: 250n, cachedInputTokens: 173_056n, outputTokens: 9n });
});

test("W44: of the betas that a caller names those reach Anthropic which are allowed, each once", () => {
  const betas = readBetas({ headers: { "anthropic-beta": "a-1, b-2,a-1 , c-3" } }, ["c-3", "a-1"]);
  assert.deepEqual(betas, ["a-1", "c-3"]);
  assert.deepEqual(read(asked, shared, betas).draft.headers, { "anthropic-beta": "a-1,c-3" });
  assert.equal(read(asked).draft.headers, undefined);
});

test("W27, W31: what costs apart from tokens or lies in the account is for who owns the account", () => {
  const plain = { model: "alias", max_tokens: 9, messages: [{ role: "user", content: "hi" }] };
  const file = { type: "document", source: { type: "file", file_id: "file_1" } };
  const result = { type: "tool_result", tool_use_id: "t", content: [file] };
  const cases: [object, string, boolean][] = [
    [{ tools: [{ type: "web_search_20250305", name: "web_search" }] }, "tools[0].type", true],
    [{ speed: "fast" }, "speed", true],
    [{ inference_geo: "us" }, "inference_geo", true],
    [{ container: "c_1" }, "container", false],
    [{ messages: [{ role: "user", content: [result] }] }, "messages[0].content[0].content[0].source.file_id", false],
  ];
  for (const [more, param, isForTools] of cases) {
    const body = JSON.stringify({ ...plain, ...more });
    const isRefused = (err: unknown) => isFailure(err) && err.details["param"] === param;
    assert.throws(() => read(body), isRefused, param);
    if (isForTools) read(body, { ...shared, serverTools: true });
    else assert.throws(() => read(body, { ...shared, serverTools: true }), isRefused, param);
    read(body, own);
  }
});

test("what decides is checked, and a field that decides stands once", () => {
  for (const [body, param] of [
    [`{"model":"m","max_tokens":0,"messages":[]}`, "max_tokens"],
    [`{"model":"m","max_tokens":1,"messages":{}}`, "messages"],
    [`{"model":"m","max_tokens":1,"messages":[],"stream":"yes"}`, "stream"],
    [`{"model":"m","max_tokens":1,"max_tokens":2,"messages":[]}`, "model"],
    [`{"model":7,"max_tokens":1,"messages":[]}`, "model"],
  ] as const) {
    assert.throws(
      () => read(body),
      (err) => isFailure(err) && err.details["param"] === param,
      body,
    );
  }
});

test("what is counted is every text, and what is not text by its number", () => {
  const { messages } = read(asked).request.json as { messages: { content: { type: string }[] }[] };
  const kinds = messages.map(({ content }) => (typeof content === "string" ? "" : content.map(({ type }) => type)));
  assert.deepEqual(kinds, [["text"], ["image_url", "text"], ["text", "text", "text"], ["text", "image_url"]]);
});
