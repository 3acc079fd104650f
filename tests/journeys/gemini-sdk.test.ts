import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ApiError, FunctionCallingConfigMode, type GenerateContentParameters, GoogleGenAI, Type } from "@google/genai";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import { listUsage, waitForNoCall } from "../read-money.ts";
import { runPlatform } from "../run-platform.ts";
import { startAnthropic } from "../vendors/anthropic.ts";
import { startGoogle } from "../vendors/google.ts";

// Google's own SDK, with nothing but another base URL, on models behind every wire.
const scope = closeInReverse({ after });
const google = await startGoogle(scope);
const anthropic = await startAnthropic(scope);
const priced = { inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
const platform = await runPlatform(scope, {
  config: {
    providers: [
      {
        ...{ name: "google", dialect: "gemini", baseUrl: `${google.url}/v1beta`, apiKey: "a key" },
        models: [{ ...priced, name: "flash", upstreamName: "gemini-3-flash" }],
      },
      {
        ...{ name: "anthropic", dialect: "anthropic", baseUrl: `${anthropic.url}/v1`, apiKey: "a key" },
        models: [{ ...priced, name: "claude", upstreamName: "claude-sonnet-4-6" }],
      },
    ],
  },
});
const client = new GoogleGenAI({ apiKey: platform.apiKey, httpOptions: { baseUrl: platform.url } });
const model = "simulated-chat";
const ask = (contents: GenerateContentParameters["contents"], config: GenerateContentParameters["config"] = {}) => ({
  ...{ model, contents, config },
});
const weather = {
  name: "get_weather",
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ["city"] },
};

test("an answer, whole and streamed, with the tokens that are charged", async () => {
  const request = ask("你好 simulate.tokens=30 simulate.reasoning_tokens=7 simulate.cached_tokens=5", {
    systemInstruction: "Be brief.",
    thinkingConfig: { includeThoughts: true },
  });
  const whole = await client.models.generateContent(request);
  const pieces = await Array.fromAsync(await client.models.generateContentStream(request));
  const prompt = [{ role: "system", content: "Be brief." }, ...[{ role: "user", content: String(request.contents) }]];
  assert.equal(whole.candidates?.[0]?.finishReason, "STOP");
  assert.equal(whole.modelVersion, model);
  assert.deepEqual(
    [whole.usageMetadata?.promptTokenCount, whole.usageMetadata?.cachedContentTokenCount],
    [countSimulatedPrompt(prompt), 5],
  );
  assert.deepEqual([whole.usageMetadata?.candidatesTokenCount, whole.usageMetadata?.thoughtsTokenCount], [30, 7]);
  assert.equal(pieces.map((piece) => piece.text ?? "").join(""), whole.text);
  assert.deepEqual(pieces.at(-1)?.usageMetadata, whole.usageMetadata);
});

test("functions are called, streamed or not, and what they give back is understood", async () => {
  const config = {
    tools: [{ functionDeclarations: [weather] }],
    toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } },
  };
  const whole = await client.models.generateContent(ask("How is it?", config));
  const pieces = await Array.fromAsync(await client.models.generateContentStream(ask("How is it?", config)));
  const [call] = whole.functionCalls ?? [];
  assert.deepEqual([call?.name, call?.args], ["get_weather", { city: "simulated city" }]);
  assert.deepEqual(
    pieces.flatMap((piece) => piece.functionCalls ?? []).map(({ args }) => args),
    [call?.args],
  );
  const contents = [
    { role: "user", parts: [{ text: "How is it?" }] },
    whole.candidates?.[0]?.content ?? assert.fail("no content"),
    { role: "user", parts: [{ functionResponse: { name: "get_weather", response: { output: "rain" } } }] },
  ];
  const answer = await client.models.generateContent(ask(contents, { tools: config.tools }));
  assert.match(answer.text ?? "", /get_weather returned: “rain”/);
});

test("a shape is kept to, a limit ends an answer, and an image reaches the model", async () => {
  const shaped = await client.models.generateContent(
    ask("Where?", { responseMimeType: "application/json", responseSchema: weather.parameters }),
  );
  assert.deepEqual(JSON.parse(shaped.text ?? ""), { city: "simulated city" });
  const cut = await client.models.generateContent(ask("Tell me more.", { maxOutputTokens: 3 }));
  assert.deepEqual([cut.candidates?.[0]?.finishReason, cut.usageMetadata?.candidatesTokenCount], ["MAX_TOKENS", 3]);
  const seen = await client.models.generateContent(
    ask([{ text: "Look." }, { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }]),
  );
  assert.match(seen.text ?? "", /1 × image_url/);
});

test("tokens are counted before a call as the call reports them; texts become vectors", async () => {
  const { totalTokens } = await client.models.countTokens({ model, contents: "How many are these?" });
  const { usageMetadata } = await client.models.generateContent(ask("How many are these?", { maxOutputTokens: 2 }));
  assert.equal(totalTokens, usageMetadata?.promptTokenCount);
  const { embeddings } = await client.models.embedContent({
    ...{ model: "simulated-embedding", contents: ["a cat", "a dog"], config: { outputDimensionality: 8 } },
  });
  assert.deepEqual(
    embeddings?.map(({ values }) => values?.length),
    [8, 8],
  );
});

test("W52: models are listed in Google's form, page by page, and one can be asked for", async () => {
  const names: string[] = [];
  for await (const { name } of await client.models.list({ config: { pageSize: 2 } })) names.push(name ?? "");
  assert.ok(
    names.includes(`models/${model}`) && names.includes("models/flash") && new Set(names).size === names.length,
  );
  const answers = await client.models.get({ model });
  assert.deepEqual([answers.name, answers.supportedActions?.includes("generateContent")], [`models/${model}`, true]);
  const { supportedActions } = await client.models.get({ model: "simulated-embedding" });
  assert.deepEqual(supportedActions, ["embedContent", "batchEmbedContents", "countTokens"]);
});

test("W34: errors are those that the SDK knows, and a stream that breaks off never ends well", async () => {
  const failed = (status: number, word: string) => (err: unknown) =>
    err instanceof ApiError && err.status === status && err.message.includes(word);
  const rejects = (work: Promise<unknown>, status: number, word: string) => assert.rejects(work, failed(status, word));
  await rejects(client.models.generateContent({ ...ask("hi"), model: "no-such-model" }), 404, "NOT_FOUND");
  await rejects(client.models.generateContent(ask("simulate.error=429")), 429, "RESOURCE_EXHAUSTED");
  await rejects(
    client.models.generateContent(ask("hi", { candidateCount: 2 })),
    400,
    "generationConfig.candidateCount",
  );
  const stranger = new GoogleGenAI({ apiKey: "lyss_wrong", httpOptions: { baseUrl: platform.url } });
  await rejects(stranger.models.generateContent(ask("hi")), 401, "UNAUTHENTICATED");
  const stream = await client.models.generateContentStream(ask("simulate.end_after_tokens=3"));
  await assert.rejects(Array.fromAsync(stream), ApiError);
});

test("a key works in the query, and a stream without alt=sse is one array", async () => {
  const url = `${platform.url}/v1beta/models/${model}:streamGenerateContent?key=${platform.apiKey}`;
  const body = JSON.stringify({ contents: [{ parts: [{ text: "Hello" }] }] });
  const answer = await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } });
  const pieces = (await answer.json()) as { candidates: { finishReason?: string }[] }[];
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual([answer.status, pieces.at(-1)?.candidates[0]?.finishReason], [200, "STOP"]);
});

test("at a provider that speaks Google's API nothing is translated, and it is charged as it reports", async () => {
  const request = { model: "flash", contents: "Hi", config: { maxOutputTokens: 50, labels: { a: "b" } } };
  const whole = await client.models.generateContent({
    ...request,
    config: { ...request.config, labels: undefined as never },
  });
  const pieces = await Array.fromAsync(
    await client.models.generateContentStream({ ...request, config: { maxOutputTokens: 50 } }),
  );
  assert.deepEqual([whole.text, pieces.map(({ text }) => text).join("")], ["Hello there", "Hello there"]);
  assert.deepEqual([whole.modelVersion, pieces[0]?.modelVersion], ["flash", "flash"]);
  assert.equal(whole.usageMetadata?.thoughtsTokenCount, 3);
  assert.deepEqual(
    google.asked.map(({ path }) => path),
    [
      "POST /v1beta/models/gemini-3-flash:generateContent",
      "POST /v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
    ],
  );
  await waitForNoCall(platform);
  const costs = (await listUsage(platform)).flatMap(({ input_tokens, output_tokens, cost_nanos }) =>
    input_tokens === 10 && output_tokens === 7 ? cost_nanos : [],
  );
  assert.deepEqual(costs, [String(10_000 + 14_000), String(10_000 + 14_000)]);
});

test("a provider that speaks Anthropic's API answers Google's SDK too", async () => {
  const config = { thinkingConfig: { includeThoughts: true } };
  const whole = await client.models.generateContent({ model: "claude", contents: "How is it?", config });
  const pieces = await Array.fromAsync(
    await client.models.generateContentStream({ model: "claude", contents: "How is it?", config }),
  );
  assert.deepEqual([whole.text, pieces.map(({ text }) => text ?? "").join("")], ["It rains.", "It rains."]);
  assert.deepEqual(whole.candidates?.[0]?.content?.parts?.[0], { text: "Let me look.", thought: true });
  assert.equal(whole.usageMetadata?.promptTokenCount, 542);
});
