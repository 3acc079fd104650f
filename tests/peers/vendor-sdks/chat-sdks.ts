import { File } from "node:buffer";
import Cerebras from "@cerebras/cerebras_cloud_sdk";
import { InferenceClient, InferenceClientProviderApiError } from "@huggingface/inference";
import Perplexity from "@perplexity-ai/perplexity_ai";
import Groq from "groq-sdk";
import Together from "together-ai";
import { speakChat, toChatBody, toSaid, toStreamBody } from "./chat-like.ts";
import { endWhenLeft } from "./end-when-left.ts";
import { models, type Sdk } from "./sdk.ts";

// SDKs whose vendors speak OpenAI's chat completions.

const words = { end: "stop", call: "tool_calls", showsThoughts: false };
const everywhere = ["its vendor", "Lyss"] as const;

/** Its paths begin with `/openai`. */
export const groq: Sdk = {
  ...{ package: "groq-sdk", name: "Groq", places: everywhere, words: { ...words, batchEnd: "completed" } },
  open({ url, apiKey }) {
    const client = new Groq({ baseURL: url, apiKey, maxRetries: 0 });
    return {
      ...speakChat(
        (body) => client.chat.completions.create(body),
        (body) => client.chat.completions.create(body),
      ),
      async embed(input) {
        const { data } = await client.embeddings.create({ model: models.vectors, input, encoding_format: "float" });
        return data.map(({ embedding }) => (typeof embedding === "string" ? [] : embedding));
      },
      async speak(input) {
        const asked = { model: models.speech, input, voice: "alloy", response_format: "wav" as const };
        return new Uint8Array(await (await client.audio.speech.create(asked)).arrayBuffer());
      },
      async transcribe(sound) {
        const file = new File([sound], "sound.wav", { type: "audio/wav" });
        return (await client.audio.transcriptions.create({ model: models.transcript, file })).text;
      },
      listModels: async () => (await client.models.list()).data.map(({ id }) => id),
      async answerBatch(lines) {
        const endpoint = "/v1/chat/completions";
        const texts = lines.map((line) => `${JSON.stringify({ ...line, method: "POST", url: endpoint })}\n`);
        const file = await client.files.create({ file: new File(texts, "lines.jsonl"), purpose: "batch" });
        const asked = { endpoint, input_file_id: file.id ?? "", completion_window: "24h" } as const;
        const { id } = await client.batches.create(asked);
        const { data } = await client.batches.list();
        const ended = await client.batches.retrieve(id);
        const read = async (name = "") => (await client.files.content(name)).text();
        return {
          ...{ status: ended.status, isListed: data.some((batch) => batch.id === id) },
          ...{ answered: await read(ended.output_file_id), refused: await read(ended.error_file_id) },
        };
      },
    };
  },
  isTooMany: (err) => err instanceof Groq.RateLimitError && err.status === 429,
};

export const together: Sdk = {
  ...{ package: "together-ai", name: "Together", places: everywhere, words },
  open({ url, apiKey }) {
    const client = new Together({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    return {
      ...speakChat(
        (body) => client.chat.completions.create(body),
        (body) => client.chat.completions.create(body),
      ),
      async embed(input) {
        const { data } = await client.embeddings.create({ model: models.vectors, input });
        return data.map(({ embedding }) => embedding);
      },
      async rerank(query, documents) {
        const { results } = await client.rerank.create({ model: models.rerank, query, documents });
        return results.map(({ index }) => index);
      },
      async complete(prompt) {
        const { choices } = await client.completions.create({ model: models.completion, prompt });
        return choices[0]?.text ?? "";
      },
      async speak(input) {
        const asked = { model: models.speech, input, voice: "alloy", response_format: "wav" as const };
        return new Uint8Array(await (await client.audio.speech.create(asked)).arrayBuffer());
      },
      async transcribe(sound) {
        const file = new File([sound], "sound.wav", { type: "audio/wav" });
        return (
          await client.audio.transcriptions.create({ model: models.transcript as "openai/whisper-large-v3", file })
        ).text;
      },
      async draw(prompt) {
        const asked = { model: models.pictures, prompt, response_format: "base64" as const };
        const [image] = (await client.images.generate(asked)).data;
        return image && "b64_json" in image ? image.b64_json : "";
      },
    };
  },
  isTooMany: (err) => err instanceof Together.RateLimitError && err.status === 429,
};

export const cerebras: Sdk = {
  ...{ package: "@cerebras/cerebras_cloud_sdk", name: "Cerebras", places: everywhere, words },
  open({ url, apiKey }) {
    const client = new Cerebras({ baseURL: url, apiKey, maxRetries: 0, warmTCPConnection: false });
    return {
      ...speakChat(
        (body) => client.chat.completions.create(body),
        (body) => client.chat.completions.create(body),
      ),
      async complete(prompt) {
        const answer = await client.completions.create({ model: models.completion, prompt });
        return ("choices" in answer && answer.choices?.[0]?.text) || "";
      },
      listModels: async () => (await client.models.list()).data.map(({ id }) => id),
    };
  },
  isTooMany: (err) => err instanceof Cerebras.RateLimitError && err.status === 429,
};

/** Its chat has a path without a version, so that its base URL ends with one; vectors have a client without. */
export const perplexity: Sdk = {
  ...{ package: "@perplexity-ai/perplexity_ai", name: "Perplexity", places: everywhere, words },
  open({ url, apiKey }) {
    const client = new Perplexity({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
    return speakChat(
      (body) => client.chat.completions.create(body),
      (body) => client.chat.completions.create(body),
    );
  },
  isTooMany: (err) => err instanceof Perplexity.RateLimitError && err.status === 429,
};

export const huggingFace: Sdk = {
  ...{ package: "@huggingface/inference", name: "Hugging Face", places: everywhere, words },
  open({ url, apiKey }) {
    const client = new InferenceClient(apiKey, { endpointUrl: url, retry_on_error: false });
    return {
      ask: async (asking) => toSaid(await client.chatCompletion(toChatBody(asking))),
      async *stream(asking) {
        const body = toStreamBody(asking);
        for await (const chunk of endWhenLeft((signal) => client.chatCompletionStream(body, { signal })))
          yield toSaid(chunk);
      },
    };
  },
  isTooMany: (err) => err instanceof InferenceClientProviderApiError && err.httpResponse.status === 429,
};
