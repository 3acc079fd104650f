import assert from "node:assert/strict";
import { after, test } from "node:test";
import Anthropic, {
  APIError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from "@anthropic-ai/sdk";
import { countSimulatedPrompt, countSimulatedTokens } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import { runPlatform } from "../run-platform.ts";

const { url, apiKey } = await runPlatform({ after });
const client = new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });

const model = "simulated-chat";
const weather: Anthropic.Tool = {
  name: "get_weather",
  description: "Weather of a city",
  input_schema: {
    type: "object",
    properties: { city: { type: "string" }, unit: { enum: ["celsius", "kelvin"] } },
    required: ["city", "unit"],
  },
};
const time: Anthropic.Tool = { name: "get_time", input_schema: { type: "object" } };

function ask(
  content: Anthropic.MessageParam["content"],
  more: Partial<Anthropic.MessageCreateParamsNonStreaming> = {},
) {
  return { model, max_tokens: 1_000, messages: [{ role: "user" as const, content }], ...more };
}

function textOf({ content }: Anthropic.Message): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

test("an answer is a message, with the tokens that are charged", async () => {
  const request = ask("What is the weather like?", { system: "Be brief.", metadata: { user_id: "user-7" } });
  const message = await client.messages.create(request);
  const prompt = [{ role: "system", content: "Be brief." }, ...request.messages];
  assert.match(message.id, /^msg_/);
  assert.match(textOf(message), /simulated answer.*\s.*What is the weather like\?/);
  assert.deepEqual([message.model, message.role, message.stop_reason], [model, "assistant", "end_turn"]);
  assert.equal(message.usage.input_tokens, countSimulatedPrompt(prompt));
  assert.equal(message.usage.output_tokens, countSimulatedTokens(textOf(message)));
});

test("input that came from the provider's cache is not part of input_tokens, thinking is part of output_tokens", async () => {
  const whole = ask("simulate.cached_tokens=5 simulate.reasoning_tokens=7 simulate.tokens=20");
  const total = countSimulatedPrompt(whole.messages);
  for (const { usage } of [await client.messages.create(whole), await client.messages.stream(whole).finalMessage()]) {
    assert.deepEqual(
      [usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens, usage.output_tokens_details],
      [total - 5, 5, 27, { thinking_tokens: 7 }],
    );
  }
});

test("a stream brings the same message as the whole answer, event by event", async () => {
  const request = ask("你好 simulate.tokens=40");
  const whole = await client.messages.create(request);
  const stream = client.messages.stream(request);
  const types: string[] = [];
  stream.on("streamEvent", ({ type }) => types.push(type));
  const message = await stream.finalMessage();
  assert.deepEqual(message.content, whole.content);
  assert.deepEqual([message.stop_reason, message.usage.output_tokens], ["end_turn", 40]);
  assert.deepEqual(types.slice(0, 2), ["message_start", "content_block_start"]);
  assert.equal(types.filter((type) => type === "content_block_delta").length, 40);
  assert.deepEqual(types.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
});

test("the limit ends an answer, and so does a stop sequence", async () => {
  const cut = await client.messages.create(ask("Tell me more.", { max_tokens: 3 }));
  assert.deepEqual([cut.stop_reason, cut.usage.output_tokens], ["max_tokens", 3]);
  const stopped = await client.messages.create(ask("Tell me more.", { stop_sequences: ["language"] }));
  assert.ok(!textOf(stopped).includes("language"));
});

test("tools are called, alone and several at once, and their results are understood, streamed or not", async () => {
  const tools = [weather, time];
  const request = ask("Please get weather and get time.", { tools });
  const whole = await client.messages.create(request);
  const streamed = await client.messages.stream(request).finalMessage();
  assert.deepEqual(streamed.content, whole.content);
  assert.equal(whole.stop_reason, "tool_use");
  const calls = whole.content.filter((block) => block.type === "tool_use");
  assert.deepEqual(
    calls.map(({ name, input }) => [name, input]),
    [
      ["get_weather", { city: "simulated city", unit: "celsius" }],
      ["get_time", {}],
    ],
  );
  const results = calls.map(({ id }) => ({
    type: "tool_result" as const,
    tool_use_id: id,
    content: `result of ${id}`,
  }));
  const messages = [
    ...request.messages,
    { role: "assistant" as const, content: whole.content },
    { role: "user" as const, content: results },
  ];
  const answer = await client.messages.create({ ...request, messages });
  assert.match(textOf(answer), /The tool get_time returned: “result of /);

  const single = { type: "any" as const, disable_parallel_tool_use: true };
  const one = await client.messages.create(ask("get weather and get time", { tools, tool_choice: single }));
  assert.equal(one.content.filter((block) => block.type === "tool_use").length, 1);
  const none = await client.messages.create(ask("get weather", { tools, tool_choice: { type: "none" } }));
  assert.equal(none.stop_reason, "end_turn");
  const named = await client.messages.create(ask("Hello.", { tools, tool_choice: { type: "tool", name: "get_time" } }));
  assert.deepEqual([named.content[0]?.type, named.stop_reason], ["tool_use", "tool_use"]);
});

test("images and documents reach the model", async () => {
  const message = await client.messages.create(
    ask([
      { type: "text", text: "Look." },
      { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } },
      { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } },
    ]),
  );
  assert.match(textOf(message), /2 × image_url, 1 × file/);
});

test("a schema of the answer is kept to", async () => {
  const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const message = await client.messages.create(
    ask("Where?", { output_config: { format: { type: "json_schema", schema } } }),
  );
  assert.deepEqual(JSON.parse(textOf(message)), { city: "simulated city" });
});

test("W53: tokens are counted before a call, as the call then reports them", async () => {
  const { messages } = ask("How many are these?");
  const { input_tokens } = await client.messages.countTokens({ model, messages, system: "Be brief." });
  const { usage } = await client.messages.create({ model, max_tokens: 5, messages, system: "Be brief." });
  assert.equal(input_tokens, usage.input_tokens);
});

test("errors are those that the SDK knows, with our code and the id of the request", async () => {
  const failure = async (work: Promise<unknown>) =>
    work.then(
      () => assert.fail("it was answered"),
      (err: unknown) => err,
    );
  const shown = (err: unknown) => {
    assert.ok(err instanceof APIError);
    assert.match(err.requestID ?? "", /^req_/);
    const { type, error } = err.error as { type: string; error: Record<string, unknown> };
    return [type, err.status, error["type"], error["code"]];
  };
  const unknown = await failure(client.messages.create({ ...ask("hi"), model: "no-such-model" }));
  assert.ok(unknown instanceof NotFoundError);
  assert.deepEqual(shown(unknown), ["error", 404, "not_found_error", "model_not_found"]);
  const limited = await failure(client.messages.create(ask("simulate.error=429")));
  assert.ok(limited instanceof RateLimitError);
  assert.deepEqual(shown(limited), ["error", 429, "rate_limit_error", "rate_limit_exceeded"]);
  assert.deepEqual(shown(await failure(client.messages.create(ask("simulate.error=503")))), [
    ...["error", 503, "overloaded_error", "GATEWAY_010"],
  ]);
  const invalid = await failure(client.messages.create(ask("hi", { max_tokens: 0 })));
  assert.ok(invalid instanceof BadRequestError);
  assert.match(invalid.message, /max_tokens: must be a whole number/);
  const stranger = new Anthropic({ baseURL: url, apiKey: "lyss_wrong", maxRetries: 0 });
  const refused = await failure(stranger.messages.create(ask("hi")));
  assert.ok(refused instanceof AuthenticationError);
  assert.deepEqual(shown(refused), ["error", 401, "authentication_error", "invalid_api_key"]);
  const large = await fetch(`${url}/v1/messages`, {
    method: "POST",
    headers: { "x-api-key": apiKey, "anthropic-version": "2023-06-01" },
    body: Buffer.alloc(33_554_433, " "),
  });
  const { error } = (await large.json()) as { error: { type: string } };
  assert.deepEqual([large.status, error.type], [413, "request_too_large"]);
});

test("W3, W8: a stream that breaks off ends with an error event, not with the end of a message", async () => {
  const types: string[] = [];
  const stream = client.messages.stream(ask("simulate.end_after_tokens=3"));
  stream.on("streamEvent", ({ type }) => types.push(type));
  await assert.rejects(stream.finalMessage(), (err) => err instanceof APIError && /GATEWAY_009/.test(err.message));
  assert.equal(types.at(-1), "content_block_delta");
});

test("W40, W43: a key works as a bearer token too, and an Idempotency-Key gives the first message again", async () => {
  const bearer = new Anthropic({ baseURL: url, apiKey: null, authToken: apiKey, maxRetries: 0 });
  const headers = { "idempotency-key": "once" };
  const first = await bearer.messages.create(ask("Once."), { headers });
  assert.deepEqual(await client.messages.create(ask("Once."), { headers }), first);
});

test("W52: models are listed in Anthropic's form, page by page, and one can be asked for", async () => {
  const ids: string[] = [];
  for await (const { id, display_name } of client.models.list({ limit: 2 })) {
    assert.equal(display_name, id);
    ids.push(id);
  }
  assert.ok(ids.includes(model) && new Set(ids).size === ids.length && ids.length > 3);
  const first = await client.models.list({ limit: 2 });
  assert.deepEqual([first.has_more, first.first_id, first.last_id], [true, ids[0], ids[1]]);
  const back = await client.models.list({ before_id: ids[3] ?? "", limit: 2 });
  assert.deepEqual(
    back.data.map(({ id }) => id),
    ids.slice(1, 3),
  );
  assert.equal((await client.models.retrieve(model)).id, model);
  await assert.rejects(async () => client.models.list({ after_id: "no-such-model" }), BadRequestError);
});
