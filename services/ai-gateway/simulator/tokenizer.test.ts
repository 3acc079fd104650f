import assert from "node:assert/strict";
import { test } from "node:test";
import { createSequence } from "./seeded.ts";
import { countSimulatedInput, countSimulatedPrompt, countSimulatedTokens, splitSimulatedTokens } from "./tokenizer.ts";

test("words, signs and Chinese characters are counted as the rule says", () => {
  const counts: [string, number][] = [
    ["", 0],
    ["hello", 1],
    ["hello world", 2],
    ["get_weather", 1],
    ["it's", 3],
    ["x".repeat(16), 1],
    ["x".repeat(17), 2],
    ["你好，世界", 5],
    ["GPT模型", 3],
    ["grüße", 1],
    ["👍👍", 2],
    ["  \n", 1],
    ["a b ", 3],
    ['{"a":1}', 7],
  ];
  for (const [text, count] of counts) assert.equal(countSimulatedTokens(text), count, JSON.stringify(text));
});

test("tokens join to their text, and the first k of them count as k", () => {
  const alphabet = [...'ab_9 \n\t.,{}"é好，👍あ한\u0000\ud83d—', "word", "           "];
  const next = createSequence("tokens");
  for (let run = 0; run < 2_000; run++) {
    const text = Array.from({ length: next() % 40 }, () => alphabet[next() % alphabet.length]).join("");
    const tokens = splitSimulatedTokens(text);
    assert.equal(tokens.join(""), text);
    assert.equal(countSimulatedTokens(text), tokens.length);
    const limit = next() % 20;
    assert.deepEqual(splitSimulatedTokens(text, limit), tokens.slice(0, limit));
    assert.equal(countSimulatedTokens(tokens.slice(0, limit).join("")), Math.min(limit, tokens.length));
  }
});

test("a prompt counts its messages, its media, its tool calls and its tools", () => {
  assert.equal(countSimulatedPrompt([]), 3);
  assert.equal(countSimulatedPrompt([{ role: "user", content: "one two" }]), 3 + 4 + 2);
  const image = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
  assert.equal(countSimulatedPrompt([{ role: "user", content: [{ type: "text", text: "one" }, image] }]), 3 + 4 + 101);
  const calls = [{ id: "call_1", type: "function", function: { name: "go", arguments: "{}" } }];
  assert.equal(countSimulatedPrompt([{ role: "assistant", content: null, tool_calls: calls }]), 3 + 4 + 1 + 1 + 2);
  const tools = [{ type: "function", function: { name: "go", parameters: { type: "object" } } }];
  assert.equal(countSimulatedPrompt([], tools), 3 + 8);
  assert.equal(countSimulatedInput(["one two", [1, 2, 3]]), 5);
});

test("a malformed or bottomless prompt is counted without an error", () => {
  let bottomless: unknown = "end";
  for (let depth = 0; depth < 100_000; depth++) bottomless = [bottomless];
  for (const odd of [undefined, null, 7, "text", [null, 7, { content: 7, tool_calls: [null] }], bottomless]) {
    assert.ok(countSimulatedPrompt(odd, odd) >= 3);
    assert.ok(countSimulatedInput(odd) >= 0);
  }
});
