import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { describeBatches } from "./batch-conformance.ts";
import { countSimulatedInput, countSimulatedPrompt, countSimulatedTokens } from "./tokenizer.ts";

/** An OpenAI-compatible server that serves the simulated models under their own names. */
export interface ConformanceTarget {
  /** Ends with `/v1`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  stop(): Promise<void>;
}

const weather: ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather of a city",
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, unit: { enum: ["celsius", "kelvin"] } },
      required: ["city", "unit"],
    },
  },
};
const clockTool: ChatCompletionTool = {
  type: "function",
  function: { name: "get_time", parameters: { type: "object" } },
};
const weatherArguments = '{"city":"simulated city","unit":"celsius"}';

/** As Cohere has it; the SDK has no type for it. */
interface RerankAnswer {
  readonly results: readonly { readonly index: number; readonly relevance_score: number }[];
  readonly meta: { readonly billed_units: { readonly search_units: number } };
}

function user(content: string): ChatCompletionMessageParam[] {
  return [{ role: "user", content }];
}

/** What the official SDK must be able to do against any server that serves the simulated models. */
export function describeOpenAiConformance(label: string, start: () => Promise<ConformanceTarget>): void {
  describe(label, () => {
    let target: ConformanceTarget;
    let client: OpenAI;
    before(async () => {
      target = await start();
      client = new OpenAI({ baseURL: target.baseUrl, apiKey: target.apiKey, maxRetries: 0 });
    });
    after(() => target.stop());
    describeChat(() => client);
    describeBounds(() => client);
    describeTools(() => client);
    describeOtherEndpoints(() => client);
    describeBatches(() => client);
    test("a stream ends with [DONE] and arrives as server-sent events", async () => {
      const res = await fetch(`${target.baseUrl}/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${target.apiKey}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "simulated-chat", stream: true, messages: user("Hello"), max_tokens: 3 }),
      });
      assert.match(res.headers.get("content-type") ?? "", /^text\/event-stream/);
      const text = await res.text();
      assert.ok(text.endsWith("data: [DONE]\n\n"), text.slice(-80));
      assert.doesNotMatch(text, /"choices":\[\]|prompt_tokens/);
    });
  });
}

function describeChat(getClient: () => OpenAI): void {
  test("an answer says that it is simulated, echoes the question in its language, and counts exactly", async () => {
    for (const [question, mark] of [
      ["What is the weather like?", /simulated answer/],
      ["今天天气怎么样？", /模拟回答/],
    ] as const) {
      const messages: ChatCompletionMessageParam[] = [{ role: "system", content: "Be brief." }, ...user(question)];
      const answer = await getClient().chat.completions.create({ model: "simulated-chat", messages });
      const text = answer.choices[0]?.message.content ?? "";
      assert.match(text, mark);
      assert.ok(text.includes(question));
      assert.equal(answer.model, "simulated-chat");
      assert.equal(answer.choices[0]?.finish_reason, "stop");
      assert.equal(answer.usage?.prompt_tokens, countSimulatedPrompt(messages));
      assert.equal(answer.usage?.completion_tokens, countSimulatedTokens(text));
      assert.equal(answer.usage?.total_tokens, countSimulatedPrompt(messages) + countSimulatedTokens(text));
    }
  });

  test("a stream brings the same words as the whole answer, a token per chunk, and usage last", async () => {
    const request = { model: "simulated-chat", messages: user("你好 simulate.tokens=40"), seed: 7 };
    const whole = await getClient().chat.completions.create(request);
    const stream = await getClient().chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    const words = chunks.map((chunk) => chunk.choices[0]?.delta.content).filter((content) => content);
    assert.equal(words.length, 40);
    assert.equal(words.join(""), whole.choices[0]?.message.content);
    assert.deepEqual(chunks.at(-1)?.choices, []);
    assert.deepEqual(chunks.at(-1)?.usage, whole.usage);
    assert.equal(whole.usage?.completion_tokens, 40);
    assert.equal(chunks.filter((chunk) => chunk.usage).length, 1);
  });

  test("W12: choices of a stream interleave by index and are counted together", async () => {
    const request = { model: "simulated-chat", messages: user("Three, please."), n: 3, max_tokens: 5 };
    const whole = await getClient().chat.completions.create(request);
    assert.deepEqual(
      whole.choices.map((choice) => choice.index),
      [0, 1, 2],
    );
    assert.equal(whole.usage?.completion_tokens, 15);
    const stream = await getClient().chat.completions.create({ ...request, stream: true });
    const order = (await Array.fromAsync(stream)).filter((chunk) => chunk.choices[0]?.delta.content);
    assert.deepEqual(
      order.slice(0, 6).map((chunk) => chunk.choices[0]?.index),
      [0, 1, 2, 0, 1, 2],
    );
    assert.equal(order.length, 15);
  });
}

function describeBounds(getClient: () => OpenAI): void {
  test("a limit ends the answer with reason length, a stop sequence with reason stop", async () => {
    for (const limit of [{ max_tokens: 4 }, { max_completion_tokens: 4 }]) {
      const answer = await getClient().chat.completions.create({
        model: "simulated-chat",
        messages: user("Hi"),
        ...limit,
      });
      assert.equal(answer.choices[0]?.message.content, "This is a simulated");
      assert.equal(answer.choices[0]?.finish_reason, "length");
      assert.equal(answer.usage?.completion_tokens, 4);
    }
    const stopped = await getClient().chat.completions.create({
      model: "simulated-chat",
      messages: user("Hi"),
      stop: ["never said", " simulated"],
    });
    assert.equal(stopped.choices[0]?.message.content, "This is a");
    assert.equal(stopped.choices[0]?.finish_reason, "stop");
  });

  test("an answer in JSON is valid and fits the schema", async () => {
    const json = await getClient().chat.completions.create({
      model: "simulated-chat",
      messages: user("Answer in JSON."),
      response_format: { type: "json_object" },
    });
    assert.equal(JSON.parse(json.choices[0]?.message.content ?? "").simulated, true);
    const schema = {
      type: "object",
      properties: { ok: { type: "boolean" } },
      required: ["ok"],
      additionalProperties: false,
    };
    const fitted = await getClient().chat.completions.parse({
      model: "simulated-chat",
      messages: user("Is it?"),
      response_format: { type: "json_schema", json_schema: { name: "verdict", strict: true, schema } },
    });
    assert.deepEqual(fitted.choices[0]?.message.parsed ?? JSON.parse(fitted.choices[0]?.message.content ?? ""), {
      ok: true,
    });
  });

  test("a malformed request is refused with a 400 that names the parameter", async () => {
    const cases: [param: string, body: object][] = [
      ["messages", { messages: [] }],
      ["messages[0].content", { messages: [{ role: "user", content: 7 }] }],
      ["messages[0].content[0].text", { messages: [{ role: "user", content: [{ type: "text", text: 7 }] }] }],
      ["messages[0].role", { messages: [{ role: "robot", content: "" }] }],
      ["messages[0].role", { messages: [{ role: "tool", content: "", tool_call_id: "call_1" }] }],
      ["temperature", { messages: user("Hi"), temperature: 9 }],
      ["n", { messages: user("Hi"), n: 0 }],
      ["max_tokens", { messages: user("Hi"), max_tokens: 1, max_completion_tokens: 1 }],
      ["stream_options", { messages: user("Hi"), stream_options: { include_usage: true } }],
      [
        "tool_choice",
        { messages: user("Hi"), tools: [weather], tool_choice: { type: "function", function: { name: "x" } } },
      ],
      ["messages", { messages: user("Hi"), response_format: { type: "json_object" } }],
      ["logprobs", { messages: user("Hi"), logprobs: true }],
    ];
    for (const [param, body] of cases) {
      const call = getClient().chat.completions.create({ model: "simulated-chat", ...body } as never);
      await assert.rejects(call, (err) => err instanceof BadRequestError && err.param === param, param);
    }
  });
}

function functionCalls(choices: OpenAI.ChatCompletion["choices"]) {
  return (choices[0]?.message.tool_calls ?? []).filter((call) => call.type === "function");
}

function describeTools(getClient: () => OpenAI): void {
  const base = { model: "simulated-chat", tools: [weather, clockTool] };

  test("a tool is called when it is mentioned, required or named, and never under none", async () => {
    const cases: [called: string[], reason: string, request: object][] = [
      [["get_weather"], "tool_calls", { messages: user("Please get weather for me") }],
      [["get_weather"], "tool_calls", { messages: user("用get_weather查一下") }],
      [["get_weather", "get_time"], "tool_calls", { messages: user("get_time and get_weather") }],
      [["get_weather"], "tool_calls", { messages: user("get_time and get_weather"), parallel_tool_calls: false }],
      [["get_weather"], "tool_calls", { messages: user("Hello"), tool_choice: "required" }],
      [
        ["get_time"],
        "stop",
        { messages: user("Hi"), tool_choice: { type: "function", function: { name: "get_time" } } },
      ],
      [[], "stop", { messages: user("forget_times or get_weathers") }],
      [[], "stop", { messages: user("get_weather"), tool_choice: "none" }],
    ];
    for (const [called, reason, request] of cases) {
      const answer = await getClient().chat.completions.create({ ...base, ...request } as never);
      const { choices, usage } = answer as OpenAI.ChatCompletion;
      const calls = functionCalls(choices);
      assert.deepEqual(
        calls.map((call) => call.function.name),
        called,
        JSON.stringify(request),
      );
      assert.equal(choices[0]?.finish_reason, reason, JSON.stringify(request));
      if (called[0] !== "get_weather") continue;
      assert.equal(choices[0]?.message.content, null);
      assert.equal(calls[0]?.function.arguments, weatherArguments);
      const tokens = calls.reduce((sum, call) => sum + 1 + countSimulatedTokens(call.function.arguments), 0);
      assert.equal(usage?.completion_tokens, tokens);
    }
  });

  test("the calls of a stream assemble to those of the whole answer", async () => {
    const request = { ...base, messages: user("get_weather, then get_time") };
    const whole = await getClient().chat.completions.create(request);
    const streamed = await getClient().chat.completions.stream(request).finalChatCompletion();
    const parts = (choices: OpenAI.ChatCompletion["choices"]) =>
      functionCalls(choices).map((call) => [call.id, call.function.name, call.function.arguments]);
    assert.deepEqual(parts(streamed.choices), parts(whole.choices));
    assert.equal(parts(whole.choices).length, 2);
    assert.equal(streamed.choices[0]?.finish_reason, "tool_calls");
  });

  test("a tool's result is answered in words, round the whole loop of the SDK", async () => {
    const runner = getClient().chat.completions.runTools({
      model: "simulated-chat",
      messages: user("Please call get_weather"),
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "Weather",
            parameters: weather.type === "function" ? (weather.function.parameters ?? {}) : {},
            parse: JSON.parse,
            function: (asked: { city: string }) => `sunny in ${asked.city}`,
          },
        },
      ],
    });
    assert.match((await runner.finalContent()) ?? "", /The tool get_weather returned: “sunny in simulated city”/);
  });
}

function describeOtherEndpoints(getClient: () => OpenAI): void {
  test("a model that does not exist is refused with a 404", async () => {
    const call = getClient().chat.completions.create({ model: "no-such-model", messages: user("Hi") });
    await assert.rejects(call, (err) => err instanceof NotFoundError && err.code === "model_not_found");
  });

  test("a completion is answered whole and streamed alike, for each prompt", async () => {
    const request = { model: "simulated-completion", prompt: ["One", "二"], max_tokens: 6 };
    const whole = await getClient().completions.create(request);
    assert.deepEqual(
      whole.choices.map((choice) => choice.text),
      ["This is a simulated answer of", "这是 simulated-completion 的"],
    );
    assert.equal(whole.usage?.prompt_tokens, 2);
    const stream = await getClient().completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    const texts = ["", ""];
    let usage: unknown;
    for await (const chunk of stream) {
      for (const choice of chunk.choices) texts[choice.index] += choice.text;
      usage = chunk.usage ?? usage;
    }
    assert.deepEqual(
      texts,
      whole.choices.map((choice) => choice.text),
    );
    assert.deepEqual(usage, whole.usage);
  });

  test("equal texts have equal unit vectors, in either encoding, and like texts are near", async () => {
    const input = ["the cat sat on the mat", "the cat lay on the mat", "钱包余额不足"];
    const embed = async (encoding?: "float") => {
      const request = { model: "simulated-embedding", input, dimensions: 64 };
      const answer = await getClient().embeddings.create(
        encoding ? { ...request, encoding_format: encoding } : request,
      );
      assert.equal(answer.usage.prompt_tokens, countSimulatedInput(input));
      return answer.data.map((item) => item.embedding);
    };
    const vectors = await embed();
    assert.deepEqual(await embed("float"), vectors);
    const [cat = [], like = [], other = []] = vectors;
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
    assert.equal(cat.length, 64);
    assert.ok(Math.abs(dot(cat, cat) - 1) < 1e-6);
    assert.ok(dot(cat, like) > dot(cat, other) + 0.3, `${dot(cat, like)} ${dot(cat, other)}`);
  });

  test("harmful words are found in texts, in either language", async () => {
    const { results } = await getClient().moderations.create({
      model: "simulated-moderation",
      input: ["I will kill the process of this idiot", "这里有血腥内容", "Good morning"],
    });
    const found = results.map(({ flagged, categories }) => [
      flagged,
      Object.entries(categories).flatMap(([name, isMet]) => (isMet ? [name] : [])),
    ]);
    assert.deepEqual(found, [
      [true, ["harassment", "violence"]],
      [true, ["violence/graphic"]],
      [false, []],
    ]);
  });

  test("documents are put in the order in which they answer a query", async () => {
    const documents = ["钱包余额不足", { text: "the cat lay on the mat" }, "the dog"];
    const request = { model: "simulated-rerank", query: "the cat sat on the mat", documents };
    const answer = await getClient().post<RerankAnswer>("/rerank", { body: { ...request, top_n: 2 } });
    assert.deepEqual(
      answer.results.map(({ index }) => index),
      [1, 2],
    );
    assert.equal(answer.meta.billed_units.search_units, 1);
    await assert.rejects(getClient().post("/rerank", { body: { ...request, documents: [] } }), BadRequestError);
  });

  test("token ids are embedded, and an empty text is refused", async () => {
    const ids = await getClient().embeddings.create({
      model: "simulated-embedding",
      input: [
        [1, 2, 3],
        [1, 2, 3],
      ],
    });
    assert.equal(ids.usage.prompt_tokens, 6);
    assert.deepEqual(ids.data[0]?.embedding, ids.data[1]?.embedding);
    await assert.rejects(getClient().embeddings.create({ model: "simulated-embedding", input: "" }), BadRequestError);
  });

  test("the models are listed and found by name", async () => {
    const names = (await Array.fromAsync(getClient().models.list())).map((model) => model.id);
    for (const name of ["simulated-chat", "simulated-completion", "simulated-embedding"])
      assert.ok(names.includes(name));
    assert.equal((await getClient().models.retrieve("simulated-chat")).object, "model");
    await assert.rejects(getClient().models.retrieve("no-such-model"), NotFoundError);
  });
}
