import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { askInOpenAi } from "./pass-through.ts";
import { toEvent } from "./sse.ts";

const messages = [{ role: "user", content: "hi" }];
const facts = { callId: "call_1", requestId: "", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000 };
const provider = { dialect: "openai", source: "config", serverTools: false } as const;
const tokens = { inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 0n };
const read = (fields: object, more: object = {}) =>
  askInOpenAi("chat", Buffer.from(JSON.stringify({ model: "m", messages, ...fields }))).readFor({
    ...provider,
    ...more,
  });
const ask = (surface: "chat" | "embeddings", fields: object) =>
  askInOpenAi(surface, Buffer.from(JSON.stringify({ model: "m", ...fields })))
    .readFor(provider)
    .createWriter(facts);
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

test("W31, W21: searches, tools and models that cost apart, and files of an account, are for who owns it or whom the operator lets", () => {
  const file = {
    role: "user",
    content: [
      { type: "text", text: "x" },
      { type: "file", file: { file_id: "file-1" } },
    ],
  };
  const cases: readonly (readonly [fields: object, param: string, isForTools: boolean])[] = [
    [{ web_search_options: {} }, "web_search_options", true],
    [{ search_parameters: { mode: "on" } }, "search_parameters", true],
    [{ plugins: [{ id: "web" }] }, "plugins", true],
    [{ enable_search: true }, "enable_search", true],
    [{ tools: [{ type: "function" }, { type: "web_search", web_search: {} }] }, "tools[1].type", true],
    [{ tools: [{ type: "builtin_function", function: { name: "$web_search" } }] }, "tools[0].type", true],
    [{ models: ["a/dearer-one"] }, "models", false],
    [{ route: "fallback" }, "route", false],
    [{ messages: [...messages, file] }, "messages[1].content[1].file.file_id", false],
  ];
  for (const [fields, param, isForTools] of cases) {
    const isRefused = (err: unknown) => isFailure(err) && err.details["param"] === param;
    assert.throws(() => read(fields), isRefused, param);
    if (isForTools) read(fields, { serverTools: true });
    else assert.throws(() => read(fields, { serverTools: true }), isRefused, param);
    read(fields, { source: "tenant" });
  }
  const nothing = {
    web_search_options: null,
    plugins: [],
    enable_search: false,
    models: [],
    tools: [{ type: "custom" }],
  };
  read(nothing);
  // Of two the parser believes the last, and a provider maybe the first.
  const twice =
    '{"model":"m","messages":[{"role":"user","content":"hi"}],"web_search_options":{},"web_search_options":null}';
  assert.throws(() => askInOpenAi("chat", Buffer.from(twice)), isFailure);
});

test("W1: a usage of null is for those who asked for usage", () => {
  const json = { id: "c", choices: [{ index: 0, delta: { content: "a" } }], usage: null };
  const event = toEvent(Buffer.from(`data: ${JSON.stringify(json)}\n\n`));
  const { usage: _, ...rest } = json;
  const shown = ask("chat", { messages, stream: true }).event(event, json);
  assert.equal(shown?.toString(), `data: ${JSON.stringify(rest)}\n\n`);
  const framed = toEvent(Buffer.from(`data:${JSON.stringify(json)}\r\n\r\n`));
  const kept = ask("chat", { messages, stream: true }).event(framed, json);
  assert.equal(kept?.toString(), `data:${JSON.stringify(rest)}\r\n\r\n`);
  const lines = toEvent(Buffer.from(`data: {"choices":[],\ndata: "usage":null}\n\n`));
  const joined = ask("chat", { messages, stream: true }).event(lines, { choices: [], usage: null });
  assert.deepEqual(JSON.parse(joined?.toString().replace("data: ", "") ?? ""), { choices: [] });
  const wanted = ask("chat", { messages, stream: true, stream_options: { include_usage: true } });
  assert.equal(wanted.event(event, json)?.toString(), event.raw.toString());
});
