import assert from "node:assert/strict";
import { test } from "node:test";
import { findQuestion } from "./question.ts";

const chat = (...messages: object[]) => findQuestion({ model: "m", messages });
const user = (content: unknown) => ({ role: "user", content });

test("the text of the last message is the question, in each form, and all else is the rest", () => {
  const before = { role: "system", content: "Be short." };
  const asked = chat(before, user("Why is the sky blue?"));
  assert.equal(asked?.text, "Why is the sky blue?");
  assert.deepEqual(asked?.rest, { model: "m", messages: [before, user(null)] });

  const image = { type: "image_url", image_url: { url: "https://a.test/1.png" } };
  const parts = chat(user([{ type: "text", text: "What is this?" }, image]));
  assert.equal(parts?.text, "What is this?");
  assert.deepEqual(parts?.rest["messages"], [user([{ type: "text", text: null }, image])]);

  const contents = [{ role: "model", parts: [{ text: "Hi" }] }, { parts: [{ text: "Why?" }] }];
  const google = findQuestion({ contents, systemInstruction: { parts: [{ text: "x" }] } });
  assert.equal(google?.text, "Why?");
  assert.deepEqual(google?.rest["contents"], [contents[0], { parts: [{ text: null }] }]);
});

test("what another system, tool, parameter, turn or form of parts says makes another rest", () => {
  const rests = [
    { messages: [user("q")] },
    { messages: [{ role: "system", content: "s" }, user("q")] },
    { messages: [user("q")], tools: [{ type: "function", function: { name: "f" } }] },
    { messages: [user("q")], temperature: 1 },
    { messages: [user("a"), { role: "assistant", content: "b" }, user("q")] },
    { messages: [user([{ type: "text", text: "q" }])] },
    {
      messages: [
        user([
          { type: "text", text: "q" },
          { type: "text", text: "q" },
        ]),
      ],
    },
    { messages: [{ ...user("q"), name: "n" }] },
  ].map((body) => JSON.stringify(findQuestion(body)?.rest));
  assert.equal(new Set(rests).size, rests.length);
  assert.ok(rests.every((rest) => rest !== undefined));
});

test("numbers, addresses and links are told apart however near the texts are", () => {
  const factsOf = (text: string) => chat(user(text))?.facts;
  assert.deepEqual(factsOf("Is order 12,5 for A@b.test of 2026-01-02 at https://x.test/7?"), [
    ...["12,5", "a@b.test", "2026-01-02", "https://x.test/7?"],
  ]);
  assert.deepEqual(factsOf("订单123的状态是什么？"), ["123"]);
  assert.deepEqual(factsOf("no fact"), []);
});

test("where the last message is no user's text there is nothing to compare", () => {
  const none = [
    {},
    { messages: [] },
    { messages: "text" },
    { messages: [user("q"), { role: "assistant", content: "prefill" }] },
    { messages: [user("q"), { role: "tool", content: "result" }] },
    { messages: [user(" ")] },
    { messages: [user([{ type: "tool_result", tool_use_id: "t", content: "text" }])] },
    { messages: [user("x".repeat(8_001))] },
    { contents: [{ role: "model", parts: [{ text: "q" }] }] },
    { contents: [{ parts: [{ text: "thought", thought: true }] }] },
  ];
  for (const body of none) assert.equal(findQuestion(body), undefined, JSON.stringify(body).slice(0, 80));
});
