import assert from "node:assert/strict";
import { test } from "node:test";
import type { Provider } from "../model.ts";
import { counterFor } from "./count-tokens.ts";
import { readRequest } from "./read-request.ts";

const provider: Provider = {
  ...{ providerId: "p", tenantId: "", name: "p", dialect: "openai", baseUrl: "https://a.example/v1", source: "config" },
  ...{ credentialId: "", models: [], onDisconnect: "cancel", serverTools: false, createdAt: new Date(0) },
};

const count = async (body: object, surface: "chat" | "embeddings" = "chat") => {
  const request = readRequest(surface, Buffer.from(JSON.stringify({ model: "m", ...body })));
  return (await counterFor(provider)).boundInput(request);
};

test("W32: the bound of a conversation is at least what OpenAI reports, and close to it; the estimate is the same", async () => {
  // Reported by gpt-4o in OpenAI's cookbook, "How to count tokens with tiktoken": 124 prompt tokens for these six messages.
  const messages = [
    {
      role: "system",
      content: "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
    },
    { role: "system", name: "example_user", content: "New synergies will help drive top-line growth." },
    { role: "system", name: "example_assistant", content: "Things working well together will increase revenue." },
    {
      role: "system",
      name: "example_user",
      content: "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
    },
    {
      role: "system",
      name: "example_assistant",
      content: "Let's talk later when we're less busy about how to do better.",
    },
    { role: "user", content: "This late pivot means we don't have time to boil the ocean for the client deliverable." },
  ];
  const request = readRequest("chat", Buffer.from(JSON.stringify({ model: "m", messages })));
  assert.equal(await (await counterFor(provider)).estimateInput(request), 124);
  const inParts = messages.map(({ content, ...rest }) => ({ ...rest, content: [{ type: "text", text: content }] }));
  const parted = readRequest("chat", Buffer.from(JSON.stringify({ model: "m", messages: inParts })));
  assert.equal(await (await counterFor(provider)).estimateInput(parted), 124, "texts in parts count as texts");
  const counted = await count({ messages });
  assert.ok(counted >= 124 && counted < 124 * 2, String(counted));
});

test("a long run of one kind of character is counted in pieces, and stays a bound of what it really is", async () => {
  for (const [text, tokens] of [
    ["a".repeat(8_192), 1_024],
    [" ".repeat(8_192), 64],
    ["你".repeat(2_000), 2_000],
  ] as const) {
    const counted = await count({ messages: [{ role: "user", content: text }] });
    assert.ok(counted >= tokens && counted < tokens * 1.5 + 50, `${JSON.stringify(text[0])}: ${counted}`);
  }
});

test("a body too large to count is bounded by its bytes, and each image by the dearest one", async () => {
  const large = { messages: [{ role: "user", content: "word ".repeat(20_000) }] };
  assert.ok((await count(large)) >= 100_000);
  const image = { type: "image_url", image_url: { url: "https://a.example/i.png" } };
  assert.ok((await count({ messages: [{ role: "user", content: [image, image] }] })) >= 100_000);
});

test("text that looks like a control token counts as the text it is", async () => {
  assert.ok((await count({ messages: [{ role: "user", content: "<|endoftext|>".repeat(10) }] })) > 40);
  assert.ok((await count({ input: [[1, 2, 3], [4]] }, "embeddings")) >= 4);
});

test("W32: what is charged without a report is what went in, not the bound that was held", async () => {
  const estimate = async (body: object) => {
    const request = readRequest("chat", Buffer.from(JSON.stringify({ model: "m", ...body })));
    const counter = await counterFor(provider);
    return { estimate: await counter.estimateInput(request), bound: counter.boundInput(request) };
  };
  const words = await estimate({ messages: [{ role: "user", content: "word ".repeat(20_000) }] });
  assert.ok(words.estimate >= 20_000 && words.estimate < 21_000, String(words.estimate));
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(100_000)}` } };
  const picture = await estimate({
    messages: [{ role: "user", content: [image, { type: "text", text: "What is it?" }] }],
  });
  assert.ok(picture.estimate < 1_000 && picture.bound > 100_000, String(picture.estimate));
});
