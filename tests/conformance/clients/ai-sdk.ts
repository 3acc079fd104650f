import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { countSimulatedPrompt } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import {
  APICallError,
  embedMany,
  generateText,
  isStepCount,
  jsonSchema,
  type LanguageModel,
  Output,
  streamText,
  tool,
} from "ai";
import { asked, type Client, citySchema, image, type Place, showsThoughts, thought } from "./client.ts";

const weather = tool({
  description: "Weather of a city",
  inputSchema: jsonSchema<{ city: string }>(citySchema),
  execute: async ({ city }) => `rain in ${city}`,
});

interface Settings {
  /** What the provider is told so that thoughts are shown. */
  readonly thinking: NonNullable<Parameters<typeof generateText>[0]["providerOptions"]>;
}

/** Vercel's AI SDK through one of its providers. */
function describeProvider(name: string, modelOf: (place: Place) => LanguageModel, { thinking }: Settings): Client {
  const ask = (place: Place, prompt: string) => ({ model: modelOf(place), prompt, maxRetries: 0 });
  const stream = (place: Place, prompt: string, more: object = {}) =>
    streamText({ ...ask(place, prompt), onError: () => undefined, ...more });
  return {
    name,
    package: "ai",
    features: {
      async text(place) {
        const { text, finishReason } = await generateText(ask(place, asked.text));
        assert.match(text, /This is a simulated answer/);
        assert.equal(finishReason, "stop");
      },
      async stream(place) {
        const whole = await generateText(ask(place, asked.text));
        const streamed = stream(place, asked.text);
        assert.equal((await Array.fromAsync(streamed.textStream)).join(""), whole.text);
        assert.equal(await streamed.finishReason, "stop");
      },
      async tools(place) {
        const loop = { tools: { get_weather: weather }, stopWhen: isStepCount(2) };
        const whole = await generateText({ ...ask(place, "Please get_weather"), ...loop });
        const streamed = stream(place, "Please get_weather", loop);
        for (const text of [whole.text, await streamed.text]) {
          assert.match(text, /get_weather returned: .*rain in simulated city/);
        }
      },
      async shape(place) {
        const output = Output.object({ schema: jsonSchema<{ city: string }>(citySchema) });
        const answer = await generateText({ ...ask(place, "Where?"), output });
        assert.deepEqual(answer.output, { city: "simulated city" });
      },
      async image(place) {
        const content = [
          { type: "text" as const, text: "Look." },
          { type: "image" as const, image, mediaType: "image/png" },
        ];
        const messages = [{ role: "user" as const, content }];
        const { text } = await generateText({ model: modelOf(place), messages, maxRetries: 0 });
        assert.match(text, /1 × image_url/);
      },
      async reasoning(place) {
        const whole = await generateText({ ...ask(place, asked.thought), providerOptions: thinking });
        const streamed = stream(place, asked.thought, { providerOptions: thinking });
        for (const [text, usage] of [
          [whole.reasoningText, whole.usage],
          [await streamed.reasoningText, await streamed.usage],
        ] as const) {
          if (showsThoughts(place.vendor)) assert.equal(text, thought);
          assert.equal(usage.outputTokens, 12);
        }
      },
      async usage(place) {
        const whole = await generateText(ask(place, asked.text));
        const streamed = stream(place, asked.text);
        const prompt = countSimulatedPrompt([{ role: "user", content: asked.text }]);
        for (const usage of [whole.usage, await streamed.usage]) {
          assert.deepEqual([usage.inputTokens, usage.outputTokens], [prompt, 12]);
        }
      },
      async error(place) {
        const isOurs = (err: unknown) => APICallError.isInstance(err) && err.statusCode === 429 && err.isRetryable;
        await assert.rejects(generateText(ask(place, asked.refused)), isOurs);
      },
      async abort(place) {
        const leaving = new AbortController();
        for await (const text of stream(place, asked.endless, { abortSignal: leaving.signal }).textStream) {
          if (text !== "") leaving.abort();
        }
        await place.untilLeft();
      },
    },
  };
}

const openAiOf = ({ url, apiKey }: Place) => createOpenAI({ baseURL: `${url}/v1`, apiKey });
const openAiThinking = { openai: { reasoningEffort: "low", reasoningSummary: "auto", forceReasoning: true } };

// Its provider for OpenAI's chat has no place for thoughts.
const { reasoning: _, ...aiOpenAiChat } = describeProvider(
  "OpenAI, chat",
  (place) => openAiOf(place).chat(place.model),
  { thinking: openAiThinking },
).features;

/** The AI SDK's own providers of OpenAI, Anthropic and Google. */
export const aiSdkClients: readonly Client[] = [
  {
    name: "OpenAI, chat",
    package: "ai",
    features: {
      ...aiOpenAiChat,
      async vectors(place) {
        const { embeddings } = await embedMany({
          ...{ model: openAiOf(place).embedding(place.vectorModel ?? ""), values: ["a cat", "a dog"], maxRetries: 0 },
        });
        assert.deepEqual([embeddings.length, embeddings[0]?.length], [2, 512]);
      },
    },
  },
  describeProvider("OpenAI, responses", (place) => openAiOf(place).responses(place.model), {
    thinking: openAiThinking,
  }),
  describeProvider("Anthropic", ({ url, apiKey, model }) => createAnthropic({ baseURL: `${url}/v1`, apiKey })(model), {
    thinking: { anthropic: { thinking: { type: "enabled", budgetTokens: 1_024 } } },
  }),
  describeProvider("Google", ({ url, apiKey, model }) => createGoogle({ baseURL: `${url}/v1beta`, apiKey })(model), {
    thinking: { google: { thinkingConfig: { includeThoughts: true } } },
  }),
];
