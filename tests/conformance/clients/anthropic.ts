import assert from "node:assert/strict";
import Anthropic, { RateLimitError } from "@anthropic-ai/sdk";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import { asked, type Client, citySchema, image, type Place, showsThoughts, thought } from "./client.ts";

const clientOf = ({ url, apiKey }: Place) => new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const ask = (place: Place, content: Anthropic.MessageParam["content"]) => ({
  ...{ model: place.model, max_tokens: 8_000, messages: [{ role: "user" as const, content }] },
});
const textOf = ({ content }: Anthropic.Message) =>
  content.map((block) => (block.type === "text" ? block.text : "")).join("");

/** `anthropic.messages`, with `countTokens`. */
export const anthropicMessages: Client = {
  name: "messages",
  package: "@anthropic-ai/sdk",
  features: {
    async batch(place) {
      const { batches } = clientOf(place).messages;
      const { id } = await batches.create({ requests: [{ custom_id: "one", params: ask(place, asked.batched) }] });
      assert.equal((await batches.retrieve(id)).processing_status, "ended");
      assert.ok((await batches.list()).data.some((batch) => batch.id === id));
      const [result] = await Array.fromAsync(await batches.results(id));
      assert.ok(result?.custom_id === "one" && result.result.type === "succeeded");
      assert.match(textOf(result.result.message), /This is a simulated answer/);
      assert.equal((await batches.delete(id)).type, "message_batch_deleted");
    },
    async text(place) {
      const message = await clientOf(place).messages.create(ask(place, asked.text));
      assert.deepEqual([message.model, message.stop_reason], [place.model, "end_turn"]);
      assert.match(textOf(message), /This is a simulated answer/);
    },
    async stream(place) {
      const whole = await clientOf(place).messages.create(ask(place, asked.text));
      const streamed = await clientOf(place).messages.stream(ask(place, asked.text)).finalMessage();
      assert.deepEqual([streamed.content, streamed.stop_reason], [whole.content, "end_turn"]);
    },
    async tools(place) {
      const client = clientOf(place);
      const tools = [{ name: "get_weather", description: "Weather of a city", input_schema: citySchema }];
      const request = { ...ask(place, "Please get_weather"), tools };
      const whole = await client.messages.create(request);
      const streamed = await client.messages.stream(request).finalMessage();
      for (const { content, stop_reason } of [whole, streamed]) {
        const use = content.find(({ type }) => type === "tool_use");
        assert.ok(use?.type === "tool_use" && stop_reason === "tool_use");
        assert.deepEqual([use.name, use.input], ["get_weather", { city: "simulated city" }]);
        const results = [{ type: "tool_result" as const, tool_use_id: use.id, content: "rain" }];
        const told = [
          { role: "assistant" as const, content },
          { role: "user" as const, content: results },
        ];
        const answer = await client.messages.create({ ...request, messages: [...request.messages, ...told] });
        assert.match(textOf(answer), /get_weather returned: “rain”/);
      }
    },
    async shape(place) {
      const output_config = { format: { type: "json_schema" as const, schema: citySchema } };
      const message = await clientOf(place).messages.create({ ...ask(place, "Where?"), output_config });
      assert.deepEqual(JSON.parse(textOf(message)), { city: "simulated city" });
    },
    async image(place) {
      const source = { type: "base64" as const, media_type: "image/png" as const, data: image };
      const parts = [
        { type: "text" as const, text: "Look." },
        { type: "image" as const, source },
      ];
      assert.match(textOf(await clientOf(place).messages.create(ask(place, parts))), /1 × image_url/);
    },
    async reasoning(place) {
      const thinking = { type: "enabled" as const, budget_tokens: 1_024 };
      const request = { ...ask(place, asked.thought), thinking };
      const whole = await clientOf(place).messages.create(request);
      const streamed = await clientOf(place).messages.stream(request).finalMessage();
      for (const { content, usage } of [whole, streamed]) {
        const [first] = content;
        if (showsThoughts(place.vendor)) assert.equal(first?.type === "thinking" && first.thinking, thought);
        else assert.equal(usage.output_tokens_details?.thinking_tokens, 7);
        assert.equal(usage.output_tokens, 12);
      }
    },
    async usage(place) {
      const request = ask(place, asked.text);
      const whole = await clientOf(place).messages.create(request);
      const streamed = await clientOf(place).messages.stream(request).finalMessage();
      for (const { usage } of [whole, streamed]) {
        assert.deepEqual([usage.input_tokens, usage.output_tokens], [countSimulatedPrompt(request.messages), 12]);
      }
    },
    async error(place) {
      const call = clientOf(place).messages.create(ask(place, asked.refused));
      await assert.rejects(call, (err) => err instanceof RateLimitError && /^req_/.test(err.requestID ?? ""));
    },
    async abort(place) {
      const stream = await clientOf(place).messages.create({ ...ask(place, asked.endless), stream: true });
      for await (const event of stream) if (event.type === "content_block_delta") break;
      await place.untilLeft();
    },
    async count(place) {
      const { model, messages } = ask(place, "How many are these?");
      const { input_tokens } = await clientOf(place).messages.countTokens({ model, messages });
      const { usage } = await clientOf(place).messages.create({ model, messages, max_tokens: 2 });
      assert.equal(input_tokens, usage.input_tokens);
    },
  },
};
