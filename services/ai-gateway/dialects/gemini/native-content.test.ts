import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createProgress, toCallerEvent } from "../../call/relay-stream.ts";
import type { Model, Target } from "../../model.ts";
import type { ReadingProvider } from "../dialect.ts";
import { createSseReader } from "../openai/sse.ts";
import { askInGemini } from "./contents.ts";

const shared: ReadingProvider = { dialect: "gemini", source: "config", serverTools: false };
const own: ReadingProvider = { dialect: "gemini", source: "tenant", serverTools: true };
const model = { name: "alias", upstreamName: "gemini-3-flash", maxOutputTokens: 4_096 } as Model;
const facts = { callId: "c", requestId: "r", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000 };
const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

const asked = `{ "contents":[{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"aQ=="}}]},
 {"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":12345678901234567890}},"thoughtSignature":"c2lnbmVk"}]}],
 "unknownField" : {"b":1,"a":2},"generation_config":{"temperature":0.50,"candidateCount":2}}`;

function read(body: string, provider = shared, isSse = true) {
  const content = { model: "alias", isStream: true, isSse };
  const call = askInGemini(content, Buffer.from(body)).readFor(provider);
  const wire = call.wire ?? assert.fail("no wire of its own");
  return { ...call, wire, draft: wire.draft(call.request, model) };
}

test("W16, W23: a request reaches Google byte for byte, signatures of thoughts too, and a limit that money sets is written into it", () => {
  const { draft, request } = read(asked);
  assert.equal(draft.endpoint, "/models/gemini-3-flash:streamGenerateContent?alt=sse");
  assert.equal(draft.toBody(undefined).toString(), asked);
  assert.equal(draft.toBody(7).toString(), asked.replace('{"temperature"', '{"maxOutputTokens":7,"temperature"'));
  assert.deepEqual([request.choices, request.answers, request.outputLimit], [2, 2, undefined]);
  const limited = asked.replace('"candidateCount":2', '"max_output_tokens": 5');
  assert.equal(read(limited).draft.toBody(3).toString(), limited.replace(": 5", ": 3"));
  for (const config of ["", ',"generationConfig":{}', ',"generationConfig":null']) {
    const sent = JSON.parse(read(`{"contents":[]${config}}`).draft.toBody(3).toString());
    assert.deepEqual(sent, { contents: [], generationConfig: { maxOutputTokens: 3 } });
  }
});

const piece = (fields: object) =>
  `{"modelVersion":"gemini-3-flash-001","n":12345678901234567890,${JSON.stringify(fields).slice(1)}`;
const say = (index: number, text: string, more: object = {}) => ({ index, content: { parts: [{ text }] }, ...more });
const usageMetadata = {
  promptTokenCount: 10,
  candidatesTokenCount: 4,
  thoughtsTokenCount: 3,
  cachedContentTokenCount: 2,
};
const pieces = [
  piece({ candidates: [say(0, "a"), say(1, "b")], usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 1 } }),
  piece({ candidates: [say(0, "c", { finishReason: "STOP" })] }),
  piece({
    candidates: [say(1, "d", { finishReason: "STOP", groundingMetadata: { webSearchQueries: ["x", "y"] } })],
    usageMetadata,
  }),
];

function relay(isSse: boolean) {
  const { wire, createWriter } = read(asked, shared, isSse);
  const progress = createProgress();
  const writer = createWriter(facts);
  const stream = wire.createStream(facts);
  const bytes = Buffer.from(pieces.map((one) => `data: ${one}\r\n\r\n`).join(""));
  let seen = "";
  for (const event of createSseReader(1_000_000)
    .push(bytes)
    .flatMap((one) => stream.read(one))) {
    seen += toCallerEvent({ target: { model } as Target, writer, isRead: true }, event, progress)?.toString() ?? "";
  }
  return { seen, writer, progress };
}

test("W29, W46: a stream comes back as it is, under the caller's name of the model; its usage is what it named last", async () => {
  const { seen, writer, progress } = relay(true);
  const named = pieces.map((one) => one.replace("gemini-3-flash-001", "alias"));
  // The last one waits for the charge.
  assert.equal(
    seen,
    named
      .slice(0, 2)
      .map((one) => `data: ${one}\r\n\r\n`)
      .join(""),
  );
  assert.equal((await writer.end(none)).toString(), `data: ${named[2]}\r\n\r\n`);
  assert.deepEqual(progress.usage, {
    ...{ inputTokens: 8n, cachedInputTokens: 2n, outputTokens: 4n, otherBuckets: { reasoning: 3n, toolCalls: 2n } },
  });
  assert.equal(progress.finished.size, 2);
});

test("without alt=sse the same stream is one array in JSON", async () => {
  const { seen, writer } = relay(false);
  const text = seen + (await writer.end(none)).toString();
  assert.deepEqual(
    JSON.parse(text),
    pieces.map((one) => ({ ...JSON.parse(one), modelVersion: "alias" })),
  );
  assert.ok(text.includes("12345678901234567890"));
});

test("W31: what costs apart from tokens or lies in the account is for who owns the account", () => {
  const contents = [{ role: "user", parts: [{ text: "hi" }] }];
  const cases: [object, string, boolean][] = [
    [{ contents, tools: [{ google_search: {} }] }, "tools[0].googleSearch", true],
    [{ contents, cached_content: "cachedContents/1" }, "cachedContent", false],
    [
      { contents: [{ parts: [{ file_data: { file_uri: "files/1" } }] }] },
      "contents[0].parts[0].fileData.fileUri",
      false,
    ],
  ];
  for (const [more, param, isForTools] of cases) {
    const body = JSON.stringify(more);
    const isRefused = (err: unknown) => isFailure(err) && err.details["param"] === param;
    assert.throws(() => read(body), isRefused, param);
    if (isForTools) read(body, { ...shared, serverTools: true });
    else assert.throws(() => read(body, { ...shared, serverTools: true }), isRefused, param);
    read(body, own);
  }
});

test("what is counted is every text, and what is not text by its number", () => {
  const { messages } = read(asked).request.json as { messages: { content: { type: string }[] }[] };
  const kinds = messages.map(({ content }) => content.map(({ type }) => type));
  assert.deepEqual(kinds, [["text", "image_url"], ["text"]]);
});
