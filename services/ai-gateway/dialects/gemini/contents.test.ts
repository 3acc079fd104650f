import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { geminiWire } from "../../providers/gemini/gemini.ts";
import type { Wire } from "../../providers/wire.ts";
import { describeDistorted } from "../describe-distorted.ts";
import { createChatReader, readChatAnswer } from "../openai/chat-answer.ts";
import { createSseReader } from "../openai/sse.ts";
import { readUsage } from "../openai/usage.ts";
import { drawFrom, randomChat, writeStream } from "../random-chat.ts";
import { askInGemini } from "./contents.ts";
import { askForEmbeddings } from "./embeddings.ts";
import { toErrorBody } from "./failure-reply.ts";

const openAi = { dialect: "openai", source: "config", serverTools: false } as const;
const facts = { callId: "call_01", requestId: "r", upstreamModel: "m", startedAtMs: 0, maxKeptLength: 1_000_000 };
const user = { role: "user", parts: [{ text: "hi" }] };

function read(asked: object, { isStream = false, isSse = true } = {}) {
  return askInGemini({ model: "m", isStream, isSse }, Buffer.from(JSON.stringify(asked))).readFor(openAi);
}
const toChat = (asked: object) => JSON.parse(read(asked).request.body.toString());

// What the wire to Google's models sends is what Google's callers send.
const golden: { readonly sent: unknown }[] = JSON.parse(
  readFileSync(new URL("../../providers/gemini/golden/requests.json", import.meta.url), "utf8"),
);
const given = golden.map(({ sent }) => sent);
describeDistorted("a request of Google's", given, (asked) => {
  const call = askInGemini({ model: "m", isStream: false, isSse: true }, Buffer.from(JSON.stringify(asked) ?? ""));
  assert.equal(typeof JSON.parse(call.readFor(openAi).request.body.toString()), "object");
});

test("a request of Google's is read into chat: what is said and shown, thoughts aside", () => {
  const contents = [
    { parts: [{ text: "See" }, { inlineData: { mimeType: "image/png", data: "aQ==" } }] },
    {
      role: "model",
      parts: [
        { text: "hm", thought: true },
        { text: "Fine.", thoughtSignature: "c2ln" },
      ],
    },
    {
      role: "user",
      parts: [{ inline_data: { mime_type: "audio/wav", data: "aQ==" } }, { fileData: { fileUri: "https://x/y.png" } }],
    },
    { role: "user", parts: [{ inlineData: { mimeType: "application/pdf", data: "aQ==" } }] },
  ];
  assert.deepEqual(toChat({ contents, system_instruction: { parts: [{ text: "Be" }, { text: "brief." }] } }), {
    model: "m",
    messages: [
      { role: "system", content: "Be\n\nbrief." },
      {
        role: "user",
        content: [
          { type: "text", text: "See" },
          { type: "image_url", image_url: { url: "data:image/png;base64,aQ==" } },
        ],
      },
      { role: "assistant", content: "Fine." },
      {
        role: "user",
        content: [
          { type: "input_audio", input_audio: { data: "aQ==", format: "wav" } },
          { type: "image_url", image_url: { url: "https://x/y.png" } },
        ],
      },
      {
        role: "user",
        content: [{ type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,aQ==" } }],
      },
    ],
    stream: false,
  });
});

test("W21: data in the base64 of URLs, as Google's SDK for Python writes it, reaches others in that which they take", () => {
  const urlOf = (data: string) =>
    toChat({ contents: [{ parts: [{ inlineData: { mime_type: "image/png", data } }] }] }).messages[0].content[0]
      .image_url.url;
  const bytes = Buffer.from([0xfb, 0xff, 0xfe, 0x3e]);
  assert.equal(bytes.toString("base64url"), "-__-Pg");
  for (const data of ["-__-Pg", "-__-Pg==", "+//+Pg", "+//+Pg=="])
    assert.equal(urlOf(data), "data:image/png;base64,+//+Pg==");
});

test("W20: results of functions find their calls by name and in order, for Google's calls may have no ids", () => {
  const call = (name: string, args: object, id?: string) => ({ functionCall: { name, args, ...(id && { id }) } });
  const result = (name: string, response: object, id?: string) => ({
    functionResponse: { name, response, ...(id && { id }) },
  });
  const contents = [
    user,
    { role: "model", parts: [call("f", { a: 1 }), call("f", { a: 2 }), call("g", {}, "own")] },
    {
      role: "user",
      parts: [result("f", { output: "one" }), result("g", { x: [1] }, "own"), result("f", { result: "two" })],
    },
  ];
  const { messages } = toChat({ contents });
  assert.deepEqual(messages[1], {
    ...{ role: "assistant", content: null },
    tool_calls: [
      { id: "call_0_f", type: "function", function: { name: "f", arguments: '{"a":1}' } },
      { id: "call_1_f", type: "function", function: { name: "f", arguments: '{"a":2}' } },
      { id: "own", type: "function", function: { name: "g", arguments: "{}" } },
    ],
  });
  assert.deepEqual(messages.slice(2), [
    { role: "tool", tool_call_id: "call_0_f", content: "one" },
    { role: "tool", tool_call_id: "own", content: '{"x":[1]}' },
    { role: "tool", tool_call_id: "call_1_f", content: "two" },
  ]);
});

test("W17, W18: schemas in Google's words become JSON Schema, and the choice of functions chat's", () => {
  const parameters = {
    type: "OBJECT",
    properties: {
      city: { type: "STRING", nullable: true },
      n: { type: "ARRAY", minItems: "1", items: { type: "INTEGER" } },
    },
    propertyOrdering: ["city", "n"],
    required: ["city"],
  };
  const schema = {
    type: "object",
    properties: { city: { type: ["string", "null"] }, n: { type: "array", minItems: 1, items: { type: "integer" } } },
    required: ["city"],
  };
  const tools = [
    {
      functionDeclarations: [
        { name: "f", parameters },
        { name: "g", parametersJsonSchema: { type: "object" } },
      ],
    },
  ];
  const choose = (config: object) => toChat({ contents: [user], tools, toolConfig: { functionCallingConfig: config } });
  assert.deepEqual(choose({ mode: "ANY" }).tools, [
    { type: "function", function: { name: "f", parameters: schema } },
    { type: "function", function: { name: "g", parameters: { type: "object" } } },
  ]);
  assert.deepEqual(
    [{ mode: "ANY" }, { mode: "NONE" }, { mode: "AUTO" }, { mode: "ANY", allowedFunctionNames: ["f"] }].map(
      (one) => choose(one).tool_choice,
    ),
    ["required", "none", undefined, { type: "function", function: { name: "f" } }],
  );
  const generationConfig = { responseMimeType: "application/json", responseSchema: parameters };
  assert.deepEqual(toChat({ contents: [user], generationConfig }).response_format, {
    type: "json_schema",
    json_schema: { name: "output", schema },
  });
});

test("what is set has its names in chat, and thinking its efforts", () => {
  const generationConfig = {
    ...{
      temperature: 0.5,
      topP: 0.9,
      topK: 7,
      candidateCount: 1,
      maxOutputTokens: 99,
      stopSequences: ["END"],
      seed: 3,
    },
    thinkingConfig: { thinkingBudget: 5_000, includeThoughts: true },
  };
  const { request } = read({ contents: user, generationConfig });
  const { model, messages, stream, ...set } = JSON.parse(request.body.toString());
  assert.deepEqual(set, { temperature: 0.5, top_p: 0.9, top_k: 7, seed: 3, stop: ["END"], reasoning_effort: "medium" });
  assert.deepEqual(request.outputLimit, { field: undefined, tokens: 99 });
  // Gemini CLI writes down what Google's models do anyway.
  const usual = JSON.parse(
    read({ contents: user, generationConfig: { topP: 0.95, topK: 64 } }).request.body.toString(),
  );
  assert.deepEqual([usual.top_p, usual.top_k], [undefined, undefined]);
  for (const [thinkingConfig, effort] of [
    [{ thinkingBudget: 0 }, "none"],
    [{ thinkingBudget: -1 }, undefined],
    [{ thinkingLevel: "HIGH", thinkingBudget: 0 }, "high"],
  ] as const) {
    assert.equal(toChat({ contents: [user], generationConfig: { thinkingConfig } }).reasoning_effort, effort);
  }
});

test("what chat cannot say is refused, and the field is named", () => {
  const cases: [object, string][] = [
    [{ contents: 7 }, "contents"],
    [{ contents: [{ role: "system", parts: [] }] }, "contents[0].role"],
    [{ contents: [{ parts: [{ executableCode: {} }] }] }, "contents[0].parts[0].executableCode"],
    [
      {
        contents: [{ parts: [{ fileData: { fileUri: "https://generativelanguage.googleapis.com/v1beta/files/x" } }] }],
      },
      "contents[0].parts[0].fileData.fileUri",
    ],
    [{ contents: [user], cachedContent: "cachedContents/x" }, "cachedContent"],
    [{ contents: [user], tools: [{ googleSearch: {} }] }, "tools[0].googleSearch"],
    [{ contents: [user], generationConfig: { candidateCount: 2 } }, "generationConfig.candidateCount"],
    [{ contents: [user], generationConfig: { responseModalities: ["AUDIO"] } }, "generationConfig.responseModalities"],
    [{ contents: [user], generationConfig: { responseLogprobs: true } }, "generationConfig.responseLogprobs"],
    [{ contents: [user], generationConfig: { responseSchema: {} } }, "generationConfig.responseMimeType"],
    [{ contents: [user], generationConfig: {}, generation_config: {} }, "generation_config"],
  ];
  for (const [asked, param] of cases) {
    assert.throws(
      () => read(asked),
      (err) => isFailure(err) && err.details["param"] === param,
      param,
    );
  }
});

test("W29: usage is told as Google tells it, thoughts beside candidates and a cache within the prompt", async () => {
  const usage = { prompt_tokens: 20, completion_tokens: 12, ...{ prompt_tokens_details: { cached_tokens: 5 } } };
  const answered = {
    choices: [{ index: 0, message: { content: "x", reasoning_content: "hm" }, finish_reason: "length" }],
    usage: { ...usage, completion_tokens_details: { reasoning_tokens: 7 } },
  };
  const asked = { contents: [user], generationConfig: { thinkingConfig: { includeThoughts: true } } };
  const tokens = readUsage(answered) ?? assert.fail("no usage");
  const told = JSON.parse(String(await read(asked).createWriter(facts).whole(Buffer.alloc(0), answered, tokens)));
  assert.deepEqual(told, {
    candidates: [
      {
        content: { parts: [{ text: "hm", thought: true }, { text: "x" }], role: "model" },
        finishReason: "MAX_TOKENS",
        index: 0,
      },
    ],
    usageMetadata: {
      ...{ promptTokenCount: 20, candidatesTokenCount: 5, totalTokenCount: 32 },
      ...{ cachedContentTokenCount: 5, thoughtsTokenCount: 7 },
    },
    ...{ modelVersion: "m", responseId: "01" },
  });
  assert.deepEqual(readUsage(geminiWire.toAnswer(Buffer.alloc(0), told, facts).json), tokens);
});

test("for 200 seeds: what is streamed in Google's form and read again by its wire is what was said", async () => {
  for (let seed = 0; seed < 200; seed++) {
    const draw = drawFrom(`contents ${seed}`);
    const chat = randomChat(draw);
    const asked = { contents: [user], generationConfig: { thinkingConfig: { includeThoughts: true } } };
    const text = await writeStream(draw, chat, read(asked, { isStream: true }).createWriter(facts));
    const reader = createChatReader("call_1");
    const stream = geminiWire.createStream(facts);
    const said = { reasoning: "", text: "", calls: [] as object[] };
    for (const { data } of createSseReader(1_000_000)
      .push(Buffer.from(text))
      .flatMap((event) => stream.read(event))) {
      for (const piece of reader.read(JSON.parse(data ?? ""))) {
        if (piece.type === "call") said.calls.push({ id: piece.id, name: piece.name });
        else if (piece.type === "arguments") Object.assign(said.calls[piece.call] ?? {}, { arguments: piece.text });
        else if (piece.type !== "refusal") said[piece.type] += piece.text;
      }
    }
    const { reasoning, text: content, calls, finishReason } = readChatAnswer("call_1", chat.whole);
    const inOrder = (list: readonly object[]) =>
      list.map((call) => JSON.stringify(Object.entries(call).toSorted())).toSorted();
    assert.deepEqual(
      [said.reasoning, said.text, inOrder(said.calls)],
      [reasoning, content, inOrder(calls)],
      `seed ${seed}`,
    );
    assert.equal(reader.finishReason, finishReason);
  }
});

test("a stream without alt=sse is one array in JSON, also when it breaks off", async () => {
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  const chunk = { choices: [{ index: 0, delta: { content: "Hel" }, finish_reason: null }] };
  const event = { raw: Buffer.alloc(0), data: "" };
  for (const chunks of [[], [chunk], [chunk, chunk]]) {
    const writer = read({ contents: [user] }, { isStream: true, isSse: false }).createWriter(facts);
    const begun = chunks.map((one) => writer.event(event, one)?.toString() ?? "").join("");
    assert.equal(JSON.parse(begun + (await writer.end(none)).toString()).length, chunks.length + 1);
    assert.equal(writer.streamContentType, "application/json; charset=utf-8");
    const broken = read({ contents: [user] }, { isStream: true, isSse: false }).createWriter(facts);
    const before = chunks.map((one) => broken.event(event, one)?.toString() ?? "").join("");
    const failure = new Failure(resilienceFailures.rate_limited, {}, { retryAfterMs: 1_500 });
    assert.equal(JSON.parse(before + broken.fail(failure, "en_US").toString()).at(-1).error.code, 429);
  }
});

test("W34, W36: errors have Google's shape, with when to try again", () => {
  const { error } = toErrorBody(
    new Failure(resilienceFailures.rate_limited, {}, { retryAfterMs: 1_500 }),
    "r",
    "en_US",
  );
  assert.deepEqual([error.code, error.status], [429, "RESOURCE_EXHAUSTED"]);
  const retry = { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "2s" };
  assert.deepEqual(error.details.at(-1), retry);
});

test("W47: texts are embedded one by one and in batches, in their order, as numbers", async () => {
  const one = { model: "models/m", content: { parts: [{ text: "a" }, { text: "b" }] }, outputDimensionality: 2 };
  const call = askForEmbeddings("m", true, Buffer.from(JSON.stringify({ requests: [one, one] }))).readFor(openAi);
  assert.deepEqual(JSON.parse(call.request.body.toString()), {
    ...{ model: "m", input: ["a\n\nb", "a\n\nb"], encoding_format: "float", dimensions: 2 },
  });
  const base64 = Buffer.from(new Float32Array([0.5, -1]).buffer).toString("base64");
  const json = {
    data: [
      { index: 1, embedding: base64 },
      { index: 0, embedding: [1, 2] },
    ],
  };
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  const told = JSON.parse(String(await call.createWriter(facts).whole(Buffer.alloc(0), json, none)));
  assert.deepEqual(told, { embeddings: [{ values: [1, 2] }, { values: [0.5, -1] }] });
  const other = { requests: [one, { ...one, outputDimensionality: 3 }] };
  assert.throws(() => askForEmbeddings("m", true, Buffer.from(JSON.stringify(other))), isFailure);
});

test("W47: Google's own models get what its caller wrote, hints and long numbers too, under their own name; and the answer is theirs", async () => {
  const google = { ...openAi, dialect: "gemini" as const };
  const upstream = { name: "m", upstreamName: "gemini-embedding-2" } as Parameters<Wire["draft"]>[1];
  const one = { model: "models/m", content: { parts: [{ text: "a" }] }, taskType: "RETRIEVAL_QUERY", title: "t" };
  for (const [isBatch, asked, verb, sent] of [
    [true, { requests: [one, one] }, "batchEmbedContents", { requests: [one, one] }],
    [false, one, "embedContent", one],
  ] as const) {
    const { wire, request, createWriter } = askForEmbeddings("m", isBatch, Buffer.from(JSON.stringify(asked))).readFor(
      google,
    );
    const { endpoint, toBody } = wire?.draft(request, upstream) ?? assert.fail("no wire");
    assert.equal(endpoint, `/models/gemini-embedding-2:${verb}`);
    assert.equal(
      toBody(undefined).toString(),
      JSON.stringify(sent).replaceAll("models/m", "models/gemini-embedding-2"),
    );
    const body = Buffer.from('{"embedding":{"values":[0.1234567890123456789]},"usageMetadata":{"promptTokenCount":3}}');
    const answer = wire?.toAnswer(body, JSON.parse(body.toString()), facts) ?? assert.fail("no wire");
    const tokens = readUsage(answer.json) ?? assert.fail("no usage");
    assert.equal(tokens.inputTokens, 3n);
    assert.equal(await createWriter(facts).whole(answer.body, answer.json, tokens), body);
  }
});
