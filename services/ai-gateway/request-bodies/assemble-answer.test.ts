import assert from "node:assert/strict";
import { test } from "node:test";
import { assembleAnswer } from "./assemble-answer.ts";

const sse = (...events: readonly object[]) =>
  Buffer.from(events.map((it) => `data: ${JSON.stringify(it)}\n\n`).join(""));
const chunk = (delta: object, finish: string | null = null, index = 0) => ({
  ...{ id: "x", object: "chat.completion.chunk", model: "m", choices: [{ index, delta, finish_reason: finish }] },
});

test("a stream of chat is the answer that it would have been whole: texts, choices, calls of tools in pieces, and usage", () => {
  const call = (index: number, id: string | undefined, args: string) => ({
    tool_calls: [
      { index, ...(id && { id, type: "function" }), function: { ...(id && { name: "f" }), arguments: args } },
    ],
  });
  const answer = assembleAnswer(
    Buffer.concat([
      Buffer.from(": keep-alive\n\n"),
      sse(
        chunk({ role: "assistant", content: "Hel" }),
        chunk({ content: "lo" }),
        chunk({ content: "B", role: "assistant" }, null, 1),
        chunk(call(0, "call_1", '{"a"')),
        chunk(call(1, "call_2", "{}")),
        chunk(call(0, undefined, ":1}")),
        chunk({}, "tool_calls"),
        chunk({}, "stop", 1),
        { id: "x", object: "chat.completion.chunk", choices: [], usage: { total_tokens: 3 } },
      ),
      Buffer.from("data: [DONE]\n\n"),
    ]),
  );
  const calls = [
    { index: 0, id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
    { index: 1, id: "call_2", type: "function", function: { name: "f", arguments: "{}" } },
  ];
  assert.deepEqual(answer, {
    ...{ id: "x", object: "chat.completion", model: "m", usage: { total_tokens: 3 } },
    choices: [
      { index: 0, finish_reason: "tool_calls", message: { role: "assistant", content: "Hello", tool_calls: calls } },
      { index: 1, finish_reason: "stop", message: { role: "assistant", content: "B" } },
    ],
  });
});

test("what broke off says what had come, and why", () => {
  const answer = assembleAnswer(sse(chunk({ content: "Hel" }), { error: { code: "GATEWAY_009" } }));
  assert.deepEqual(answer, {
    ...{ id: "x", object: "chat.completion", model: "m", error: { code: "GATEWAY_009" } },
    choices: [{ index: 0, finish_reason: null, message: { content: "Hel" } }],
  });
  assert.equal(assembleAnswer(Buffer.from(": nothing\n\n")), undefined);
});

test("messages of Anthropic's, contents of Google's and responses are put together in their own form", () => {
  const message = assembleAnswer(
    sse(
      { type: "message_start", message: { id: "msg", role: "assistant", content: [], usage: { input_tokens: 2 } } },
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "hm" } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "s" } },
      { type: "content_block_start", index: 1, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "A" } },
      { type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "B" } },
      { type: "content_block_start", index: 2, content_block: { type: "tool_use", name: "f", input: {} } },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: '{"a":' } },
      { type: "content_block_delta", index: 2, delta: { type: "input_json_delta", partial_json: "1}" } },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 5 } },
      { type: "message_stop" },
    ),
  );
  assert.deepEqual(message, {
    ...{ id: "msg", role: "assistant", stop_reason: "end_turn", usage: { input_tokens: 2, output_tokens: 5 } },
    content: [
      { type: "thinking", thinking: "hm", signature: "s" },
      { type: "text", text: "AB" },
      { type: "tool_use", name: "f", input: { a: 1 } },
    ],
  });
  const part = (text: string, more: object = {}) => ({
    candidates: [{ index: 0, content: { role: "model", parts: [{ text }] }, ...more }],
  });
  const pieces = [part("A"), { ...part("B", { finishReason: "STOP" }), usageMetadata: { totalTokenCount: 3 } }];
  const content = {
    candidates: [{ index: 0, content: { role: "model", parts: [{ text: "AB" }] }, finishReason: "STOP" }],
    usageMetadata: { totalTokenCount: 3 },
  };
  assert.deepEqual(assembleAnswer(sse(...pieces)), content);
  assert.deepEqual(assembleAnswer(Buffer.from(JSON.stringify(pieces))), content, "as an array, which Google's also is");
  const response = { id: "resp", output: [{ type: "message" }] };
  assert.deepEqual(
    assembleAnswer(sse({ type: "response.created", response: {} }, { type: "response.completed", response })),
    response,
  );
});
