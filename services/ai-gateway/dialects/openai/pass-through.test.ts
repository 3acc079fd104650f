import assert from "node:assert/strict";
import { test } from "node:test";
import { askInOpenAi } from "./pass-through.ts";
import { toEvent } from "./sse.ts";

const facts = { callId: "call_1", requestId: "", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000 };
const provider = { dialect: "openai", source: "config", serverTools: false } as const;
const tokens = { inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 0n };
const ask = (surface: "chat" | "embeddings", fields: object) =>
  askInOpenAi(surface, Buffer.from(JSON.stringify({ model: "m", ...fields })))
    .readFor(provider)
    .createWriter(facts);
const messages = [{ role: "user", content: "hi" }];

test("W47: vectors come in base64 where it is asked for, and otherwise as they came", async () => {
  const answer = { object: "list", data: [{ object: "embedding", index: 0, embedding: [0.5, -2, 0.1] }], usage: {} };
  const body = Buffer.from(JSON.stringify(answer));
  const written = await ask("embeddings", { input: "hi", encoding_format: "base64" }).whole(body, answer, tokens);
  const { data, ...rest } = JSON.parse(written.toString());
  assert.deepEqual(rest, { object: "list", usage: {} });
  const bytes = Buffer.from(data[0].embedding, "base64");
  assert.deepEqual(
    [0, 4, 8].map((at) => bytes.readFloatLE(at)),
    [0.5, -2, Math.fround(0.1)],
  );
  assert.equal(await ask("embeddings", { input: "hi" }).whole(body, answer, tokens), body);
  const encoded = { ...answer, data: [{ index: 0, embedding: "AAAA" }] };
  const bytesOf = Buffer.from(JSON.stringify(encoded));
  assert.equal(
    await ask("embeddings", { input: "hi", encoding_format: "base64" }).whole(bytesOf, encoded, tokens),
    bytesOf,
  );
});

test("W1: the chunk that has only usage is for those who asked for it", () => {
  const json = { id: "c", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } };
  const event = toEvent(Buffer.from(`data: ${JSON.stringify(json)}\n\n`));
  assert.equal(ask("chat", { messages, stream: true }).event(event, json), undefined);
  const wanted = ask("chat", { messages, stream: true, stream_options: { include_usage: true } });
  assert.equal(wanted.event(event, json)?.toString(), event.raw.toString());
});
