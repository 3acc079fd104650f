import assert from "node:assert/strict";
import { after, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import OpenAI from "openai";
import { listUsage, waitForNoCall, waitForUsage } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { anthropicContent, startAnthropic } from "../vendors/anthropic.ts";
import { startGoogle } from "../vendors/google.ts";

// One platform is the provider of another, and is spoken to as Anthropic is.
const scope = closeInReverse({ after });
const vendor = await runPlatform(scope);
const model = "claude-simulated";
const priced = { name: model, upstreamName: "simulated-chat", inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
const provider = { name: "vendor", dialect: "anthropic", baseUrl: `${vendor.url}/v1`, apiKey: vendor.apiKey };
const google = await startGoogle(scope);
const anthropic = await startAnthropic(scope);
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "a-key" });
scope.after(simulator.stop);
const bedrock = { name: "bedrock", dialect: "bedrock", baseUrl: simulator.url, apiKey: "AKIDEXAMPLE:a-key:a-token" };
const claude = { ...priced, name: "claude", upstreamName: "claude-sonnet-4-6" };
const gemini = { name: "gemini", upstreamName: "gemini-3-flash", inputUsdPerMillion: "1", outputUsdPerMillion: "2" };
const platform = await runPlatform(scope, {
  config: {
    providers: [
      { ...provider, models: [priced, { ...priced, name: "gone", upstreamName: "gone" }] },
      {
        ...{ name: "anthropic", dialect: "anthropic", baseUrl: `${anthropic.url}/v1`, apiKey: "a key" },
        ...{ serverTools: true, models: [claude] },
      },
      { ...bedrock, models: [{ ...priced, name: "nova" }] },
      { ...bedrock, name: "bearer", apiKey: "a-key", models: [{ ...priced, name: "bearer-nova" }] },
      { ...bedrock, name: "wrong", apiKey: "AKIDEXAMPLE:another", models: [{ ...priced, name: "wrong-nova" }] },
      { name: "google", dialect: "gemini", baseUrl: `${google.url}/v1beta`, apiKey: "a key", models: [gemini] },
    ],
  },
});
const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });

const weather: OpenAI.ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const user = (content: string) => [{ role: "user" as const, content }];

test("an answer of a provider that speaks Anthropic's API, by OpenAI's SDK, is charged as it reports", async () => {
  const messages = [{ role: "system" as const, content: "Be brief." }, ...user("Hello simulate.cached_tokens=5")];
  const answer = await client.chat.completions.create({ model, messages });
  const { usage, choices, object } = answer;
  assert.deepEqual([object, answer.model, choices[0]?.finish_reason], ["chat.completion", model, "stop"]);
  assert.match(choices[0]?.message.content ?? "", /simulated answer/);
  assert.equal(usage?.prompt_tokens, countSimulatedPrompt(messages));
  assert.equal(usage?.prompt_tokens_details?.cached_tokens, 5);
  await waitForUsage(platform, 1);
  const [charged] = await listUsage(platform);
  // 5 of them come from the cache, at the same price.
  const costNanos = BigInt(usage?.prompt_tokens ?? 0) * 1_000n + BigInt(usage?.completion_tokens ?? 0) * 2_000n;
  assert.deepEqual([charged?.status, charged?.cost_nanos], ["completed", String(costNanos)]);
});

test("a stream says what the whole answer says, and ends with its usage", async () => {
  const request = { model, messages: user("你好 simulate.tokens=40 simulate.reasoning_tokens=7") };
  const whole = await client.chat.completions.create(request);
  const stream = await client.chat.completions.create({
    ...{ ...request, stream: true, stream_options: { include_usage: true } },
  });
  const chunks = await Array.fromAsync(stream);
  assert.equal(
    chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "").join(""),
    whole.choices[0]?.message.content,
  );
  assert.equal(chunks.findLast(({ choices }) => choices.length > 0)?.choices[0]?.finish_reason, "stop");
  assert.deepEqual([chunks.at(-1)?.choices, chunks.at(-1)?.usage], [[], whole.usage]);
  assert.deepEqual(whole.usage?.completion_tokens_details, { reasoning_tokens: 7 });
});

test("a tool is called, whole and streamed, and its result is answered", async () => {
  const request = { model, messages: user("How is it?"), tools: [weather], tool_choice: "required" as const };
  const whole = await client.chat.completions.create(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  for (const { choices } of [whole, streamed]) {
    const [choice] = choices;
    const call = choice?.message.tool_calls?.[0] ?? assert.fail("no call");
    assert.equal(choice?.finish_reason, "tool_calls");
    assert.ok(call.type === "function" && typeof JSON.parse(call.function.arguments).city === "string");
    const result = { role: "tool" as const, tool_call_id: call.id, content: "rain" };
    const messages = [...request.messages, { role: "assistant" as const, tool_calls: [call] }, result];
    const answered: OpenAI.ChatCompletion = await client.chat.completions.create({ model, messages, tools: [weather] });
    assert.equal(answered.choices[0]?.finish_reason, "stop");
  }
});

test("a shape is kept, and a limit and a stop sequence end an answer as they should", async () => {
  const schema = {
    type: "object",
    properties: { n: { type: "integer" } },
    required: ["n"],
    additionalProperties: false,
  };
  const shaped = await client.chat.completions.create({
    ...{ model, messages: user("A number") },
    response_format: { type: "json_schema", json_schema: { name: "number", strict: true, schema } },
  });
  assert.equal(typeof JSON.parse(shaped.choices[0]?.message.content ?? "").n, "number");
  const cut = await client.chat.completions.create({ model, messages: user("Hi"), max_tokens: 4 });
  assert.deepEqual([cut.choices[0]?.finish_reason, cut.usage?.completion_tokens], ["length", 4]);
  const stopped = await client.chat.completions.create({ model, messages: user("Hi"), stop: [" simulated"] });
  assert.deepEqual([stopped.choices[0]?.finish_reason, stopped.choices[0]?.message.content], ["stop", "This is a"]);
});

test("what it cannot do is refused by name, and what goes wrong there is an error of ours", async () => {
  await assert.rejects(client.chat.completions.create({ model, messages: user("Hi"), n: 2 }), {
    status: 400,
    param: "n",
  });
  await assert.rejects(client.embeddings.create({ model, input: "Hi" }), { status: 400, param: "model" });
  await assert.rejects(client.chat.completions.create({ model: "gone", messages: user("Hi") }), { status: 502 });
  for (const [error, status] of [
    ["429", 429],
    ["500", 502],
  ] as const) {
    const messages = user(`Hi simulate.error=${error}`);
    const failed = (err: unknown) => err instanceof OpenAI.APIError && err.status === status;
    await assert.rejects(client.chat.completions.create({ model, messages }), failed, error);
  }
  const stream = await client.chat.completions.create({
    model,
    messages: user("Hi simulate.cut_after_tokens=3"),
    stream: true,
  });
  await assert.rejects(Array.fromAsync(stream), (err) => err instanceof OpenAI.APIError);
});

test("a provider that speaks Google's API answers OpenAI's SDK, whole and streamed, and is charged as it reports", async () => {
  const request = { model: "gemini", messages: user("Hi"), max_tokens: 50 };
  const whole = await client.chat.completions.create(request);
  const options = { include_usage: true };
  const chunks = await Array.fromAsync(
    await client.chat.completions.create({ ...request, stream: true, stream_options: options }),
  );
  const text = chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "").join("");
  assert.deepEqual([whole.choices[0]?.message.content, text, whole.model], ["Hello there", "Hello there", "gemini"]);
  assert.deepEqual([whole.usage?.prompt_tokens, whole.usage?.completion_tokens], [10, 7]);
  assert.deepEqual([chunks.at(-1)?.choices, chunks.at(-1)?.usage], [[], whole.usage]);
  assert.deepEqual(
    google.asked.map(({ path }) => path),
    [
      "POST /v1beta/models/gemini-3-flash:generateContent",
      "POST /v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse",
    ],
  );
  assert.deepEqual(JSON.parse(String(google.asked[0]?.bytes)), {
    contents: [{ role: "user", parts: [{ text: "Hi" }] }],
    generationConfig: { maxOutputTokens: 50 },
  });
  const tested = await requestJson(`${platform.url}/api/v1/ai/providers/google:test`, platform.apiKey, {
    method: "POST",
  });
  assert.deepEqual([tested.body["status"], tested.body["missing_models"]], [200, []]);
});

test("W33, W37: a prompt that Google blocks and a response that ends too early are charged as their provider reports", async () => {
  await waitForNoCall(platform);
  const before = new Set((await listUsage(platform)).map(({ id }) => id));
  const request = { model: "gemini", messages: user("Something blocked, please") };
  const whole = await client.chat.completions.create(request);
  const options = { stream: true as const, stream_options: { include_usage: true } };
  const chunks = await Array.fromAsync(await client.chat.completions.create({ ...request, ...options }));
  assert.deepEqual([whole.choices[0]?.finish_reason, whole.usage?.prompt_tokens], ["content_filter", 10]);
  const finished = chunks.findLast(({ choices }) => choices.length > 0)?.choices[0]?.finish_reason;
  assert.deepEqual([finished, chunks.at(-1)?.usage?.prompt_tokens], ["content_filter", 10]);
  const cut = await client.responses.create({ model: "nova", input: "Tell me more.", max_output_tokens: 16 });
  assert.deepEqual([cut.status, cut.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
  await waitForNoCall(platform);
  const rows = (await listUsage(platform)).filter(({ id }) => !before.has(id));
  const incomplete = BigInt(cut.usage?.input_tokens ?? 0) * 1_000n + 16n * 2_000n;
  assert.deepEqual(
    rows.map(({ status, cost_nanos }) => `${status} ${cost_nanos}`).sort(),
    [`completed ${incomplete}`, "completed 10000", "completed 10000"].sort(),
  );
});

test("W23, W44, W46: Anthropic's SDK gets from Anthropic what chat cannot say, and is charged as it reports", async () => {
  const sdk = new Anthropic({ baseURL: platform.url, apiKey: platform.apiKey, maxRetries: 0 });
  const request = {
    ...{ model: "claude", max_tokens: 4_000, thinking: { type: "enabled" as const, budget_tokens: 2_000 } },
    system: [
      { type: "text" as const, text: "Be brief.", cache_control: { type: "ephemeral" as const, ttl: "1h" as const } },
    ],
    tools: [{ type: "web_search_20250305" as const, name: "web_search" as const, max_uses: 1 }],
    messages: [{ role: "user" as const, content: "How is it?" }],
  };
  const headers = { "anthropic-beta": "interleaved-thinking-2025-05-14,files-api-2025-04-14" };
  const whole = await sdk.messages.create(request, { headers });
  const streamed = await sdk.messages.stream(request).finalMessage();
  assert.deepEqual(whole.content, anthropicContent);
  assert.deepEqual(streamed.content, anthropicContent);
  assert.deepEqual([whole.model, streamed.model], ["claude", "claude"]);
  assert.deepEqual([whole.usage.output_tokens, streamed.usage.output_tokens], [42, 42]);
  const [first] = anthropic.asked;
  assert.deepEqual(JSON.parse(String(first?.bytes)), { ...request, model: "claude-sonnet-4-6" });
  assert.equal(first?.headers["anthropic-beta"], "interleaved-thinking-2025-05-14");

  // The next turn brings the thoughts back, and they arrive as they are.
  const next = [...request.messages, { role: "assistant" as const, content: whole.content }, ...user("And tomorrow?")];
  await sdk.messages.create({ ...request, messages: next });
  assert.deepEqual(JSON.parse(String(anthropic.asked.at(-1)?.bytes)).messages[1].content, anthropicContent);

  await waitForNoCall(platform);
  const costs = (await listUsage(platform)).flatMap((row) => (row.output_tokens === 42 ? row.cost_nanos : []));
  // 542 tokens of input, however they came, at 1,000 nanos, and 42 of output at 2,000.
  const costNanos = String(542 * 1_000 + 42 * 2_000);
  assert.deepEqual(costs, [costNanos, costNanos, costNanos]);
  const counted = await sdk.messages.countTokens({ model: "claude", messages: next, tools: request.tools });
  assert.ok(counted.input_tokens > 20);
  await assert.rejects(sdk.messages.create({ ...request, container: "c_1" } as typeof request), { status: 400 });
});

test("W45: Bedrock answers OpenAI's and Anthropic's SDKs, whole and streamed, with either kind of key, and is charged as it reports", async () => {
  const messages = user("Hello simulate.tokens=30 simulate.cached_tokens=5");
  for (const name of ["nova", "bearer-nova"]) {
    const whole = await client.chat.completions.create({ model: name, messages });
    const options = { stream: true as const, stream_options: { include_usage: true } };
    const chunks = await Array.fromAsync(await client.chat.completions.create({ model: name, messages, ...options }));
    const text = chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "").join("");
    assert.equal(text, whole.choices[0]?.message.content);
    assert.deepEqual(
      [whole.model, whole.choices[0]?.finish_reason, whole.usage?.completion_tokens],
      [name, "stop", 30],
    );
    assert.deepEqual([chunks.at(-1)?.choices, chunks.at(-1)?.usage], [[], whole.usage]);
    assert.equal(whole.usage?.prompt_tokens_details?.cached_tokens, 5);
  }
  const sdk = new Anthropic({ baseURL: platform.url, apiKey: platform.apiKey, maxRetries: 0 });
  const tools = [
    {
      name: "get_weather",
      input_schema: { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] },
    },
  ];
  const asked = {
    model: "nova",
    max_tokens: 100,
    messages: user("How is it?"),
    tools,
    tool_choice: { type: "any" as const },
  };
  const called = await sdk.messages.stream(asked).finalMessage();
  const [use] = called.content;
  assert.ok(use?.type === "tool_use" && called.stop_reason === "tool_use");
  const results = [{ type: "tool_result" as const, tool_use_id: use.id, content: "rain" }];
  const next = [
    ...asked.messages,
    { role: "assistant" as const, content: called.content },
    { role: "user" as const, content: results },
  ];
  const told = await sdk.messages.create({ model: "nova", max_tokens: 100, messages: next, tools });
  assert.match(told.content[0]?.type === "text" ? told.content[0].text : "", /get_weather returned: “rain”/);

  await waitForNoCall(platform);
  const prompt = countSimulatedPrompt(messages);
  const costs = (await listUsage(platform)).flatMap((row) =>
    row.output_tokens === 30 && row.model === "nova" ? row.cost_nanos : [],
  );
  const costNanos = String(prompt * 1_000 + 30 * 2_000);
  assert.deepEqual(costs, [costNanos, costNanos]);
});

test("W38, W45: what goes wrong at Bedrock is an error of ours, also within a stream, and its test shows whether the key is taken", async () => {
  const ask = (model: string, words: string) =>
    client.chat.completions.create({ model, messages: user(`Hi ${words}`) });
  await assert.rejects(ask("wrong-nova", ""), { status: 502 });
  await assert.rejects(ask("nova", "simulate.error=429"), { status: 429 });
  await assert.rejects(ask("nova", "simulate.error=400"), { status: 400 });
  for (const fault of ["stream_error_after_tokens=2", "cut_after_tokens=2", "end_after_tokens=2"]) {
    const messages = user(`Hi simulate.${fault} simulate.split_bytes=3`);
    const stream = await client.chat.completions.create({ model: "nova", messages, stream: true });
    await assert.rejects(Array.fromAsync(stream), (err) => err instanceof OpenAI.APIError, fault);
  }
  for (const [name, isReachable] of [
    ["bedrock", true],
    ["bearer", true],
    ["wrong", false],
  ] as const) {
    const url = `${platform.url}/api/v1/ai/providers/${name}:test`;
    const tested = await requestJson(url, platform.apiKey, { method: "POST" });
    assert.equal(tested.body["reachable"], isReachable, name);
  }
});
