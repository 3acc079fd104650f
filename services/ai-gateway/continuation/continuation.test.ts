import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequest } from "../call/read-request.ts";
import { passThrough } from "../dialects/openai/pass-through.ts";
import type { Model, ProviderDialect } from "../model.ts";
import { toChatEvent } from "../providers/chat-chunks.ts";
import { canBeContinued, toContinuedRequest } from "./continued-request.ts";
import { createRest } from "./continued-writer.ts";
import { prefillOf } from "./prefill.ts";
import { noteShown, startShownText } from "./shown-text.ts";

const chat = (fields: object) =>
  readRequest(
    "chat",
    Buffer.from(JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }], ...fields })),
  );
const chunk = (delta: object, more: object = {}) => ({ id: "x", choices: [{ index: 0, delta, ...more }] });
const plain = { ofMessage: {}, ofBody: {}, isTrimmed: false };

test("who is known to go on with an answer is asked as it wants to be, and nobody else", () => {
  const formOf = (
    baseUrl: string,
    upstreamName: string,
    dialect: ProviderDialect = "openai",
    more: Partial<Model> = {},
  ) => {
    const model = { name: "m", upstreamName, ...more } as Model;
    const prefill = prefillOf({ provider: { dialect, baseUrl }, model });
    return prefill && JSON.stringify([prefill.ofMessage, prefill.ofBody, prefill.isTrimmed]);
  };
  const own = "http://10.0.0.1/v1";
  assert.equal(formOf("https://api.openai.com/v1", "gpt-4o"), undefined);
  assert.equal(formOf("https://api.mistral.ai/v1", "mistral-large-latest"), '[{"prefix":true},{},false]');
  assert.equal(formOf("https://api.mistral.ai/v1", "magistral-medium-latest"), undefined);
  assert.equal(formOf("https://api.moonshot.cn/v1", "kimi-k2-0905-preview"), '[{"partial":true},{},false]');
  assert.equal(formOf("https://api.moonshot.cn/v1", "kimi-k2-thinking"), undefined);
  assert.equal(formOf(own, "claude-sonnet-4-5", "anthropic"), "[{},{},true]");
  assert.equal(formOf(own, "claude-opus-4-6", "anthropic"), undefined);
  assert.equal(formOf(own, "anthropic.claude-3-haiku-20240307-v1:0", "bedrock"), "[{},{},true]");
  assert.equal(formOf(own, "amazon.nova-pro-v1:0", "bedrock"), undefined);
  assert.equal(formOf(own, "gemini-3-pro", "gemini"), undefined);
  const told = formOf(own, "llama", "openai", { prefill: "continue_final_message" });
  assert.equal(told, '[{},{"continue_final_message":true,"add_generation_prompt":false},false]');
});

test("a request goes on byte for byte but for its end, its digits and what may still be said", () => {
  const request = chat({ seed: 1, max_completion_tokens: 10 });
  const exact = {
    ...request,
    body: Buffer.from(String(request.body).replace('"seed":1', '"seed":12345678901234567890')),
  };
  const next = toContinuedRequest(exact, { text: "Once ", outputTokens: 4 }, { ...plain, isTrimmed: true });
  assert.match(String(next?.body), /"seed":12345678901234567890/);
  assert.match(String(next?.body), /"max_completion_tokens":6/);
  assert.match(String(next?.body), /\{"role":"assistant","content":"Once"\}\]/);
  assert.deepEqual(next?.outputLimit, { field: "max_completion_tokens", tokens: 6 });
  assert.equal(toContinuedRequest(request, { text: "Once", outputTokens: 10 }, plain), undefined);
  // What the caller had begun itself stays the beginning.
  const begun = chat({
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: "Well, " },
    ],
  });
  const own = toContinuedRequest(begun, { text: "once", outputTokens: 1 }, plain);
  assert.match(String(own?.body), /"hi"\},\{"role":"assistant","content":"Well, once"\}\]/);
});

test("what another cannot go on with is not continued", () => {
  assert.equal(canBeContinued(chat({ response_format: { type: "text" }, reasoning_effort: "none" })), true);
  for (const fields of [
    ...[{ n: 2 }, { stream: false }, { response_format: { type: "json_object" } }, { reasoning_effort: "low" }],
    ...[{ logprobs: true }, { audio: {} }, { messages: [{ role: "assistant", content: [] }] }],
  ]) {
    assert.equal(canBeContinued(chat(fields)), false, JSON.stringify(fields));
  }
  for (const delta of [{ tool_calls: [{}] }, { reasoning_content: "hm" }, { refusal: "no" }, { content: [] }]) {
    const shown = startShownText();
    noteShown(shown, chunk({ content: "ok", tool_calls: null, refusal: null }));
    assert.equal(shown.isPlain, true);
    noteShown(shown, chunk(delta));
    assert.equal(shown.isPlain, false, JSON.stringify(delta));
  }
});

test("white space that has been shown does not come again, wherever the rest is cut", () => {
  for (const rest of [[" \n time"], [" ", "\n", " time"], ["time"], ["\n", " \n time"], [" \n"]]) {
    const shown = startShownText();
    noteShown(shown, chunk({ content: "a \n" }));
    const spent = { inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 1n };
    const by = { provider: "p", attempt: 2 };
    const { writer } = createRest(passThrough("m", "m", true), { shown, spent, by, isTrimmed: true });
    const written = rest.map((content) => {
      const event = toChatEvent(chunk({ content }));
      const bytes = writer.event(event, JSON.parse(String(event.data)));
      return bytes ? JSON.parse(String(bytes).slice("data: ".length)).choices[0].delta.content : "";
    });
    const expected =
      rest.join("").trim() === "" ? "" : rest.length === 2 ? "\n time" : rest[0] === "time" ? "time" : " time";
    assert.equal(written.join(""), expected, JSON.stringify(rest));
  }
});
