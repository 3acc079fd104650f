import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { waitFor } from "@lyss/kit/testing/wait-until.ts";
import { countSimulatedPrompt, countSimulatedTokens } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import type { Response, Tool } from "openai/resources/responses/responses";

const model = "simulated-chat";
const weather: Tool = {
  type: "function",
  name: "get_weather",
  description: "Weather of a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, unit: { enum: ["celsius", "kelvin"] } },
    required: ["city", "unit"],
  },
  strict: true,
};
const time: Tool = { type: "function", name: "get_time", parameters: { type: "object" }, strict: null };

/** What the official SDK must be able to do at `/v1/responses`. */
export function describeResponses(label: string, target: { readonly baseUrl: string; readonly apiKey: string }): void {
  const client = new OpenAI({ baseURL: target.baseUrl, apiKey: target.apiKey, maxRetries: 0 });
  describe(label, () => {
    describeAnswers(client);
    describeStored(client);
    describeBackground(client);
  });
}

/** The API says so; the SDK's type does not. */
function isStored(response: Response & { readonly store?: boolean }): boolean | undefined {
  return response.store;
}

const untilEnded = (client: OpenAI, id: string): Promise<Response> =>
  waitFor(async () => {
    const response = await client.responses.retrieve(id);
    return response.status === "queued" || response.status === "in_progress" ? undefined : response;
  });

function describeAnswers(client: OpenAI): void {
  test("an answer is a response, with the tokens that are charged", async () => {
    const response = await client.responses.create({ model, instructions: "Be brief.", input: "What is it like?" });
    assert.match(response.id, /^resp_/);
    assert.match(response.output_text, /simulated answer.*\s.*What is it like\?/);
    assert.deepEqual([response.status, response.model, isStored(response)], ["completed", model, true]);
    const prompt = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "What is it like?" },
    ];
    assert.equal(response.usage?.input_tokens, countSimulatedPrompt(prompt));
    assert.equal(response.usage?.output_tokens, countSimulatedTokens(response.output_text));
  });

  test("cached input is part of input_tokens, reasoning of output_tokens", async () => {
    const input = "simulate.cached_tokens=5 simulate.reasoning_tokens=7 simulate.tokens=20";
    const { usage } = await client.responses.create({ model, input });
    assert.deepEqual(
      [usage?.input_tokens, usage?.input_tokens_details.cached_tokens, usage?.output_tokens],
      [countSimulatedPrompt([{ role: "user", content: input }]), 5, 27],
    );
    assert.equal(usage?.output_tokens_details.reasoning_tokens, 7);
  });

  test("a stream brings typed events in order, and the same response as the whole answer", async () => {
    const request = { model, input: "你好 simulate.tokens=40" };
    const whole = await client.responses.create(request);
    const stream = client.responses.stream(request);
    const types: string[] = [];
    const sequence: number[] = [];
    for await (const event of stream) {
      types.push(event.type);
      sequence.push(event.sequence_number);
    }
    const response = await stream.finalResponse();
    assert.equal(response.output_text, whole.output_text);
    assert.deepEqual(response.usage, whole.usage);
    assert.deepEqual(sequence, [...sequence.keys()]);
    assert.deepEqual(types.slice(0, 4), [
      ...["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"],
    ]);
    assert.equal(types.filter((type) => type === "response.output_text.delta").length, 40);
    assert.equal(types.at(-1), "response.completed");
  });

  test("tools are called and their results understood, streamed or not", async () => {
    const request = { model, tools: [weather, time], input: "Please get weather and get time." };
    const whole = await client.responses.create(request);
    const streamed = await client.responses.stream(request).finalResponse();
    const callsOf = ({ output }: Response) => output.filter((item) => item.type === "function_call");
    assert.deepEqual(
      callsOf(streamed).map(({ name, arguments: text }) => [name, JSON.parse(text)]),
      [
        ["get_weather", { city: "simulated city", unit: "celsius" }],
        ["get_time", {}],
      ],
    );
    assert.equal(callsOf(whole).length, 2);
    const results = callsOf(whole).map(({ call_id }) => ({
      ...{ type: "function_call_output" as const, call_id, output: `result of ${call_id}` },
    }));
    const answer = await client.responses.create({ ...request, input: results, previous_response_id: whole.id });
    assert.match(answer.output_text, /The tool get_time returned: “result of /);
  });

  test("a schema is kept to, a limit makes the response incomplete", async () => {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const format = { type: "json_schema" as const, name: "place", schema, strict: true };
    const parsed = await client.responses.create({ model, input: "Where?", text: { format } });
    assert.deepEqual(JSON.parse(parsed.output_text), { city: "simulated city" });
    const cut = await client.responses.create({ model, input: "Tell me more.", max_output_tokens: 3 });
    assert.deepEqual([cut.status, cut.incomplete_details?.reason], ["incomplete", "max_output_tokens"]);
  });

  test("errors are those that the SDK knows; a stream that breaks off ends with response.failed", async () => {
    await assert.rejects(client.responses.create({ model: "no-such-model", input: "hi" }), NotFoundError);
    const call = client.responses.create({ model, input: "hi", tools: [{ type: "web_search" }] });
    await assert.rejects(call, (err) => err instanceof BadRequestError && err.param === "tools[0].type");
    const types: string[] = [];
    const stream = await client.responses.create({ model, input: "simulate.end_after_tokens=3", stream: true });
    for await (const event of stream) types.push(event.type);
    assert.equal(types.at(-1), "response.failed");
  });
}

function describeStored(client: OpenAI): void {
  test("a stored response can be asked for, gone on from, listed by its items and deleted", async () => {
    const first = await client.responses.create({ model, input: "First." });
    const again = await client.responses.retrieve(first.id);
    assert.deepEqual([again.output, again.usage], [first.output, first.usage]);
    const second = await client.responses.create({ model, input: "Second.", previous_response_id: first.id });
    // Two of the user, one of the assistant between them.
    assert.match(second.output_text, /2 × user, 1 × assistant|1 × assistant, 2 × user/);
    const items = [
      { role: "user" as const, content: "One." },
      { role: "assistant" as const, content: "Two." },
      { role: "user" as const, content: "Three." },
    ];
    const listed = await client.responses.create({ model, input: items });
    const texts: unknown[] = [];
    for await (const item of client.responses.inputItems.list(listed.id, { order: "asc", limit: 2 })) {
      const [part] = item.type === "message" ? item.content : [];
      texts.push(part && "text" in part ? part.text : undefined);
    }
    assert.deepEqual(texts, ["One.", "Two.", "Three."]);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), NotFoundError);
    const gone = client.responses.create({ model, input: "Third.", previous_response_id: first.id });
    await assert.rejects(gone, (err) => err instanceof BadRequestError && err.param === "previous_response_id");
  });

  test("with store: false nothing is kept", async () => {
    const response = await client.responses.create({ model, input: "Forget me.", store: false });
    assert.equal(isStored(response), false);
    await assert.rejects(client.responses.retrieve(response.id), NotFoundError);
  });
}

function describeBackground(client: OpenAI): void {
  test("a response in the background is answered at once and asked for later", async () => {
    const begun = await client.responses.create({ model, input: "Later. simulate.delay_ms=100", background: true });
    assert.deepEqual([begun.status, begun.output, begun.background], ["queued", [], true]);
    const ended = await untilEnded(client, begun.id);
    assert.deepEqual([ended.status, ended.background], ["completed", true]);
    assert.match(ended.output_text, /Later\./);
    assert.deepEqual((await client.responses.cancel(begun.id)).status, "completed");
  });

  test("it can be cancelled, and fails with a typed error", async () => {
    const begun = await client.responses.create({ model, input: "simulate.hang=true", background: true });
    assert.equal((await client.responses.cancel(begun.id)).status, "cancelled");
    assert.equal((await client.responses.retrieve(begun.id)).status, "cancelled");
    const failing = await client.responses.create({ model, input: "simulate.error=503", background: true });
    const failed = await untilEnded(client, failing.id);
    assert.deepEqual([failed.status, failed.error?.code], ["failed", "GATEWAY_010"]);
    const whole = await client.responses.create({ model, input: "Now." });
    await assert.rejects(client.responses.cancel(whole.id), BadRequestError);
  });

  test("an Idempotency-Key gives the same response in the background, while it runs and after", async () => {
    const request = { model, input: "Once. simulate.delay_ms=100", background: true };
    const options = { headers: { "idempotency-key": "background-once" } };
    const begun = await client.responses.create(request, options);
    assert.equal((await client.responses.create(request, options)).id, begun.id);
    await untilEnded(client, begun.id);
    assert.equal((await client.responses.create(request, options)).id, begun.id);
  });
}
