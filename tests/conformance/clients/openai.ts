import assert from "node:assert/strict";
import { countSimulatedInput, countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import OpenAI, { RateLimitError, toFile } from "openai";
import { isDelta, readEvents, textOf } from "../../journeys/openai-background.ts";
import { asked, type Client, citySchema, image, type Place, showsThoughts, thought } from "./client.ts";

const clientOf = ({ url, apiKey }: Place) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
const user = (content: OpenAI.ChatCompletionUserMessageParam["content"]) => [{ role: "user" as const, content }];
const promptTokens = (content: string) => countSimulatedPrompt([{ role: "user", content }]);

const chatTool = {
  type: "function" as const,
  function: { name: "get_weather", description: "Weather of a city", parameters: citySchema },
};

/** `openai.chat.completions`. */
export const openAiChat: Client = {
  name: "chat completions",
  package: "openai",
  features: {
    async batch(place) {
      const client = clientOf(place);
      const endpoint = "/v1/chat/completions";
      const body = { model: place.model, messages: [{ role: "user", content: asked.batched }], max_tokens: 100 };
      const line = JSON.stringify({ custom_id: "one", method: "POST", url: endpoint, body });
      const file = await client.files.create({ file: await toFile(Buffer.from(line), "one.jsonl"), purpose: "batch" });
      const { id } = await client.batches.create({ input_file_id: file.id, endpoint, completion_window: "24h" });
      const { status, output_file_id } = await client.batches.retrieve(id);
      assert.equal(status, "completed");
      const answers = await (await client.files.content(output_file_id ?? "")).text();
      assert.match(JSON.parse(answers).response.body.choices[0].message.content, /This is a simulated answer/);
    },
    async text(place) {
      const { choices, model } = await clientOf(place).chat.completions.create({
        ...{ model: place.model, messages: user(asked.text) },
      });
      assert.deepEqual([model, choices[0]?.finish_reason], [place.model, "stop"]);
      assert.match(choices[0]?.message.content ?? "", /This is a simulated answer/);
    },
    async stream(place) {
      const request = { model: place.model, messages: user(asked.text) };
      const whole = await clientOf(place).chat.completions.create(request);
      const streamed = await clientOf(place).chat.completions.stream(request).finalChatCompletion();
      assert.equal(streamed.choices[0]?.message.content, whole.choices[0]?.message.content);
      assert.equal(streamed.choices[0]?.finish_reason, "stop");
    },
    async tools(place) {
      const client = clientOf(place);
      const request = { model: place.model, messages: user("Please get_weather"), tools: [chatTool] };
      const whole = await client.chat.completions.create(request);
      const streamed = await client.chat.completions.stream(request).finalChatCompletion();
      for (const { choices } of [whole, streamed]) {
        assert.equal(choices[0]?.finish_reason, "tool_calls");
        const call = choices[0]?.message.tool_calls?.[0];
        assert.ok(call?.type === "function" && call.function.name === "get_weather");
        assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
        const told = [
          { role: "assistant" as const, tool_calls: [call] },
          { role: "tool" as const, tool_call_id: call.id, content: "rain" },
        ];
        const answer = await client.chat.completions.create({ ...request, messages: [...request.messages, ...told] });
        assert.match(answer.choices[0]?.message.content ?? "", /get_weather returned: “rain”/);
      }
    },
    async shape(place) {
      const answer = await clientOf(place).chat.completions.parse({
        ...{ model: place.model, messages: user("Where?") },
        response_format: { type: "json_schema", json_schema: { name: "place", strict: true, schema: citySchema } },
      });
      assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ""), { city: "simulated city" });
    },
    async image(place) {
      const parts = [
        { type: "text" as const, text: "Look." },
        { type: "image_url" as const, image_url: { url: `data:image/png;base64,${image}` } },
      ];
      const { choices } = await clientOf(place).chat.completions.create({ model: place.model, messages: user(parts) });
      assert.match(choices[0]?.message.content ?? "", /1 × image_url/);
    },
    async reasoning(place) {
      const answer = await clientOf(place).chat.completions.create({
        ...{ model: place.model, messages: user(asked.thought), reasoning_effort: "low" },
      });
      const message = answer.choices[0]?.message as { reasoning_content?: string } | undefined;
      if (showsThoughts(place.vendor)) assert.equal(message?.reasoning_content, thought);
      else assert.equal(answer.usage?.completion_tokens_details?.reasoning_tokens, 7);
      assert.equal(answer.usage?.completion_tokens, 12);
    },
    async usage(place) {
      const request = { model: place.model, messages: user(asked.text) };
      const { usage } = await clientOf(place).chat.completions.create(request);
      const options = { stream: true as const, stream_options: { include_usage: true } };
      const chunks = await Array.fromAsync(await clientOf(place).chat.completions.create({ ...request, ...options }));
      assert.deepEqual(chunks.at(-1)?.choices, []);
      for (const one of [usage, chunks.at(-1)?.usage]) {
        assert.deepEqual([one?.prompt_tokens, one?.completion_tokens], [promptTokens(asked.text), 12]);
      }
    },
    async error(place) {
      const call = clientOf(place).chat.completions.create({ model: place.model, messages: user(asked.refused) });
      await assert.rejects(call, (err) => err instanceof RateLimitError && /^req_/.test(err.requestID ?? ""));
    },
    async abort(place) {
      const stream = await clientOf(place).chat.completions.create({
        ...{ model: place.model, messages: user(asked.endless), stream: true },
      });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
      await place.untilLeft();
    },
  },
};

const responseTool = {
  ...{ type: "function" as const, name: "get_weather", description: "Weather of a city" },
  ...{ parameters: citySchema, strict: true },
};

/** `openai.responses`. */
export const openAiResponses: Client = {
  name: "responses",
  package: "openai",
  features: {
    async count(place) {
      const request = { model: place.model, input: "How many are these?" };
      const { input_tokens } = await clientOf(place).responses.inputTokens.count(request);
      assert.equal(input_tokens, (await clientOf(place).responses.create(request)).usage?.input_tokens);
    },
    async compact(place) {
      const client = clientOf(place);
      const first = await client.responses.create({ model: place.model, input: asked.text });
      const asking = { model: place.model, input: "And then?", previous_response_id: first.id };
      const { object, output, usage } = await client.responses.compact(asking);
      assert.deepEqual(
        [object, output.at(-1)?.type, usage.output_tokens > 0],
        ["response.compaction", "compaction", true],
      );
      const input = [...output, { role: "user", content: asked.text }] as OpenAI.Responses.ResponseInput;
      const next = await client.responses.create({ model: place.model, input });
      assert.match(next.output_text, /This is a simulated answer/);
    },
    async background(place) {
      const { responses } = clientOf(place);
      const asking = { model: place.model, input: asked.text, background: true, stream: true } as const;
      const seen = await readEvents(await responses.create(asking), isDelta);
      const [created] = seen;
      assert.ok(created?.type === "response.created");
      const { id } = created.response;
      const starting_after = seen.at(-1)?.sequence_number ?? 0;
      const rest = await readEvents(await responses.retrieve(id, { stream: true, starting_after }));
      const again = await readEvents(await responses.retrieve(id, { stream: true }));
      assert.deepEqual(again, [...seen, ...rest]);
      const kept = await responses.retrieve(id);
      assert.deepEqual([kept.status, kept.output_text, kept.usage?.output_tokens], ["completed", textOf(again), 12]);
    },
    async text(place) {
      const response = await clientOf(place).responses.create({ model: place.model, input: asked.text });
      assert.deepEqual([response.model, response.status], [place.model, "completed"]);
      assert.match(response.output_text, /This is a simulated answer/);
    },
    async stream(place) {
      const request = { model: place.model, input: asked.text };
      const whole = await clientOf(place).responses.create(request);
      const streamed = await clientOf(place).responses.stream(request).finalResponse();
      assert.deepEqual([streamed.output_text, streamed.status], [whole.output_text, "completed"]);
    },
    async tools(place) {
      const client = clientOf(place);
      const request = { model: place.model, input: "Please get_weather", tools: [responseTool] };
      const whole = await client.responses.create(request);
      const streamed = await client.responses.stream(request).finalResponse();
      for (const response of [whole, streamed]) {
        const call = response.output.find(({ type }) => type === "function_call");
        assert.ok(call?.type === "function_call" && call.name === "get_weather");
        const told = [{ type: "function_call_output" as const, call_id: call.call_id, output: "rain" }];
        const next = { ...request, input: told, previous_response_id: response.id };
        assert.match((await client.responses.create(next)).output_text, /get_weather returned: “rain”/);
      }
    },
    async shape(place) {
      const { output_text } = await clientOf(place).responses.create({
        ...{ model: place.model, input: "Where?" },
        text: { format: { type: "json_schema", name: "place", strict: true, schema: citySchema } },
      });
      assert.deepEqual(JSON.parse(output_text), { city: "simulated city" });
    },
    async image(place) {
      const content = [
        { type: "input_text" as const, text: "Look." },
        { type: "input_image" as const, image_url: `data:image/png;base64,${image}`, detail: "auto" as const },
      ];
      const input = [{ role: "user" as const, content }];
      const { output_text } = await clientOf(place).responses.create({ model: place.model, input });
      assert.match(output_text, /1 × image_url/);
    },
    async reasoning(place) {
      const request = { model: place.model, input: asked.thought, reasoning: { effort: "low" as const } };
      const whole = await clientOf(place).responses.create(request);
      const streamed = await clientOf(place).responses.stream(request).finalResponse();
      for (const { output, usage } of [whole, streamed]) {
        const found = output.find(({ type }) => type === "reasoning");
        const text = found?.type === "reasoning" ? found.content?.map((part) => part.text).join("") : undefined;
        if (showsThoughts(place.vendor)) assert.equal(text, thought);
        else assert.equal(usage?.output_tokens_details.reasoning_tokens, 7);
        assert.equal(usage?.output_tokens, 12);
      }
    },
    async usage(place) {
      const request = { model: place.model, input: asked.text };
      const whole = await clientOf(place).responses.create(request);
      const streamed = await clientOf(place).responses.stream(request).finalResponse();
      for (const { usage } of [whole, streamed]) {
        assert.deepEqual([usage?.input_tokens, usage?.output_tokens], [promptTokens(asked.text), 12]);
      }
    },
    async error(place) {
      const call = clientOf(place).responses.create({ model: place.model, input: asked.refused });
      await assert.rejects(call, (err) => err instanceof RateLimitError);
    },
    async abort(place) {
      const request = { model: place.model, input: asked.endless, stream: true as const, store: false };
      for await (const event of await clientOf(place).responses.create(request)) {
        if (event.type === "response.output_text.delta") break;
      }
      await place.untilLeft();
    },
  },
};

const texts = ["a cat", "a dog"];

/** `openai.embeddings`, which asks for base64. */
export const openAiEmbeddings: Client = {
  name: "embeddings",
  package: "openai",
  features: {
    async vectors(place) {
      const request = { model: place.vectorModel ?? "", input: texts, dimensions: 8 };
      const { data, model } = await clientOf(place).embeddings.create(request);
      const asNumbers = await clientOf(place).embeddings.create({ ...request, encoding_format: "float" });
      assert.deepEqual([model, data.length, data[0]?.embedding.length], [place.vectorModel, 2, 8]);
      for (const [n, { embedding }] of data.entries()) {
        for (const [at, number] of embedding.entries()) {
          assert.ok(Math.abs(number - (asNumbers.data[n]?.embedding[at] ?? 0)) < 1e-6);
        }
      }
    },
    async usage(place) {
      const { usage } = await clientOf(place).embeddings.create({ model: place.vectorModel ?? "", input: texts });
      assert.equal(usage.prompt_tokens, countSimulatedInput(texts));
    },
    async error(place) {
      const call = clientOf(place).embeddings.create({ model: place.vectorModel ?? "", input: asked.refused });
      await assert.rejects(call, (err) => err instanceof RateLimitError);
    },
  },
};
