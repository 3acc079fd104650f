import assert from "node:assert/strict";
import { test } from "node:test";
import { complexityOf } from "./complexity.ts";
import { likenessOf } from "./request-shape.ts";
import { type When, whenSchema } from "./route.ts";

const isLike = (request: unknown, when: object): boolean =>
  likenessOf(Buffer.from(typeof request === "string" ? request : JSON.stringify(request)))(
    whenSchema.parse(when) satisfies When,
  );

const image = "A".repeat(40_000);
const said = "Please PROVE that there are infinitely many primes.";
const requests = {
  chat: {
    messages: [
      { role: "system", content: "mention of refunds" },
      {
        role: "user",
        content: [
          { type: "text", text: said },
          { type: "image_url", image_url: { url: image } },
        ],
      },
      { role: "assistant", content: "translate" },
    ],
    tools: [{ type: "function", function: { name: "f" } }],
  },
  responses: {
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: said },
          { type: "input_image", image_url: image },
        ],
      },
      { type: "function_call_output", call_id: "c", output: "translate" },
    ],
    tools: [{ type: "function", name: "f" }],
  },
  messages: {
    system: "mention of refunds",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: said },
          { type: "image", source: { type: "base64", data: image } },
        ],
      },
    ],
    tools: [{ name: "f", input_schema: {} }],
  },
  gemini: {
    contents: [{ role: "user", parts: [{ text: said }, { inlineData: { mimeType: "image/png", data: image } }] }],
    tools: [{ functionDeclarations: [{ name: "f" }] }],
  },
};

for (const [dialect, request] of Object.entries(requests)) {
  test(`a request in the dialect ${dialect} is known by its length without media, its tools, media and last words`, () => {
    assert.ok(isLike(request, { tokens: { min: 20, max: 200 } }), "an image counts for no text");
    assert.ok(isLike(request, { tools: true, media: true, mentions: ["nothing", "prove that"] }));
    assert.ok(!isLike(request, { mentions: ["refunds", "translate"] }), "a person did not say that");
    for (const when of [{ tools: false }, { media: false }, { tokens: { min: 201 } }])
      assert.ok(!isLike(request, when));
    const { tools: _tools, ...bare } = request;
    assert.ok(isLike({ ...bare, tools: [] }, { tools: false }));
  });
}

test("a text alone is a message; what is no JSON, and what has no messages, is as long as it is and nothing else", () => {
  assert.ok(isLike({ input: "compare both" }, { mentions: ["COMPARE"], tools: false, media: false }));
  assert.ok(isLike("--boundary\r\nmodel=whisper", { tokens: { min: 7, max: 7 }, tools: false, media: false }));
  assert.ok(!isLike("[1]", { mentions: ["1"] }));
  assert.ok(!isLike({ messages: "x", tools: "f" }, { tools: true }));
});

test("what looks harder has more points, in English and Chinese, and a request has the same each time", () => {
  const score = (lastText: string, tokens = lastText.length / 4, hasTools = false) =>
    complexityOf({ lastText, tokens, hasTools });
  assert.equal(score("hi"), 0);
  assert.ok(score("What is the capital of France?") < 10);
  const hard =
    "Prove that the algorithm is O(n log n), step by step, and compare it with:\n```ts\nfunction sort(xs) { return xs.sort() }\n```\n1. Derive the bound\n2. Why is it tight?\n3. Optimise it";
  assert.ok(score(hard, 5_000, true) > 60, String(score(hard, 5_000, true)));
  assert.ok(score("请证明这个算法的时间复杂度，逐步推导，并比较两种方案") > score("今天天气怎么样"));
  assert.equal(score(hard), score(hard));
  assert.ok(score("why prove derive analyze ".repeat(100_000), 1e6, true) <= 100);
});
