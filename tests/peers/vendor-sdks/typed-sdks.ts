import assert from "node:assert/strict";
import { Mistral } from "@mistralai/mistralai";
import { MistralError } from "@mistralai/mistralai/models/errors";
import { OpenRouter } from "@openrouter/sdk";
import { OpenRouterError } from "@openrouter/sdk/models/errors/openroutererror.js";
import { citySchema } from "../../conformance/clients/client.ts";
import { pictureUrl } from "./chat-like.ts";
import { endWhenLeft } from "./end-when-left.ts";
import { type Asking, type BatchLine, type EndedBatch, models, type Said, type Sdk } from "./sdk.ts";

// SDKs that speak OpenAI's chat completions in names of their own, and refuse an answer that lacks what their schemas have.

const words = { end: "stop", call: "tool_calls", showsThoughts: false };
const everywhere = ["its vendor", "Lyss"] as const;
const tool = {
  type: "function" as const,
  function: { name: "get_weather", description: "Weather of a city", parameters: { ...citySchema } },
};

interface PartLike {
  readonly content?: unknown;
  readonly toolCalls?:
    | readonly {
        readonly index?: number | undefined;
        readonly id?: string | undefined;
        readonly function?: { readonly name?: string | undefined; readonly arguments?: unknown } | undefined;
      }[]
    | null
    | undefined;
}
interface TypedChat {
  readonly choices: readonly {
    readonly message?: PartLike | undefined;
    readonly delta?: PartLike | undefined;
    readonly finishReason?: string | null | undefined;
  }[];
  readonly usage?:
    | { readonly promptTokens?: number | undefined; readonly completionTokens?: number | undefined }
    | undefined;
}

function toSaid({ choices: [choice], usage }: TypedChat): Said {
  const part = choice?.delta ?? choice?.message;
  const calls = (part?.toolCalls ?? []).map(({ index, id, function: called }, n) => ({
    index: index ?? n,
    // What one of them makes of a later piece of a call, which has no id.
    ...(id && id !== "null" && { id }),
    ...(called?.name && { name: called.name }),
    given: typeof called?.arguments === "string" ? called.arguments : "",
  }));
  const { promptTokens: input, completionTokens: output } = usage ?? {};
  return {
    ...(typeof part?.content === "string" && { text: part.content }),
    ...{ calls, finish: choice?.finishReason ?? undefined },
    ...(input !== undefined && output !== undefined && { tokens: [input, output] as const }),
  };
}

function toMistralBody({ text, mayCall, called, isShaped, showsImage }: Asking) {
  const content = showsImage
    ? [
        { type: "text" as const, text },
        { type: "image_url" as const, imageUrl: { url: pictureUrl } },
      ]
    : text;
  const told = called && [
    {
      ...{ role: "assistant" as const, content: "" },
      toolCalls: [{ id: called.id, function: { name: called.name, arguments: called.given } }],
    },
    { role: "tool" as const, toolCallId: called.id, name: called.name, content: "rain" },
  ];
  const jsonSchema = { name: "place", strict: true, schemaDefinition: { ...citySchema } };
  return {
    ...{ model: models.chat, messages: [{ role: "user" as const, content }, ...(told ?? [])] },
    ...(mayCall && { tools: [tool] }),
    ...(isShaped && { responseFormat: { type: "json_schema" as const, jsonSchema } }),
  };
}

async function answerJob(client: Mistral, lines: readonly BatchLine[]): Promise<EndedBatch> {
  const content = new Blob(lines.map((line) => `${JSON.stringify(line)}\n`));
  const { id: fileId } = await client.files.upload({ purpose: "batch", file: { fileName: "lines.jsonl", content } });
  const { id } = await client.batch.jobs.create({
    ...{ inputFiles: [fileId], endpoint: "/v1/chat/completions", model: models.chat, metadata: { of: "tests" } },
  });
  const { data = [] } = await client.batch.jobs.list({ pageSize: 10 });
  const ended = await client.batch.jobs.get({ jobId: id });
  const read = async (name: string | null | undefined) =>
    new Response(await client.files.download({ fileId: name ?? "" })).text();
  const answered = await read(ended.outputFile);
  const refused = await read(ended.errorFile);
  assert.deepEqual([ended.totalRequests, ended.succeededRequests, ended.failedRequests], [2, 1, 1]);
  assert.equal((await client.files.retrieve({ fileId })).numLines, lines.length);
  await assert.rejects(client.batch.jobs.cancel({ jobId: id }), MistralError);
  assert.ok((await client.files.delete({ fileId })).deleted);
  return { status: ended.status, isListed: data.some((job) => job.id === id), answered, refused };
}

/** Its schemas want calls of tools whole in a stream and an id with vectors, as its vendor sends them and OpenAI does not. */
export const mistral: Sdk = {
  ...{ package: "@mistralai/mistralai", name: "Mistral", places: everywhere, words: { ...words, batchEnd: "SUCCESS" } },
  streams: { calls: "simulate.quirk=whole_tool_calls", usage: "simulate.usage=every_chunk" },
  open({ name: place, url, apiKey }) {
    const client = new Mistral({ serverURL: url, apiKey, retryConfig: { strategy: "none" } });
    return {
      ask: async (asking) => toSaid(await client.chat.complete(toMistralBody(asking))),
      async *stream(asking) {
        const events = endWhenLeft((signal) => client.chat.stream(toMistralBody(asking), { fetchOptions: { signal } }));
        for await (const { data } of events) yield toSaid(data);
      },
      async moderate(text) {
        const { results } = await client.classifiers.moderate({ model: models.moderation, inputs: text });
        return Object.values(results[0]?.categories ?? { nothing: true }).includes(true);
      },
      // Its batches are jobs, which Lyss speaks to Mistral and offers in other forms.
      ...(place === "its vendor" && { answerBatch: (lines) => answerJob(client, lines) }),
    };
  },
  isTooMany: (err) => err instanceof MistralError && err.statusCode === 429,
};

function toOpenRouterBody({ text, mayCall, called, isShaped, showsImage }: Asking) {
  const content = showsImage
    ? [
        { type: "text" as const, text },
        { type: "image_url" as const, imageUrl: { url: pictureUrl } },
      ]
    : text;
  const told = called && [
    {
      ...{ role: "assistant" as const, content: "" },
      toolCalls: [
        { id: called.id, type: "function" as const, function: { name: called.name, arguments: called.given } },
      ],
    },
    { role: "tool" as const, toolCallId: called.id, content: "rain" },
  ];
  const jsonSchema = { name: "place", strict: true, schema: { ...citySchema } };
  return {
    ...{ model: models.chat, messages: [{ role: "user" as const, content }, ...(told ?? [])] },
    ...(mayCall && { tools: [tool] }),
    ...(isShaped && { responseFormat: { type: "json_schema" as const, jsonSchema } }),
  };
}

/** Its vendor sends usage without being asked, and documents back with their ranks; its errors have numbers where OpenAI's have words. */
export const openRouter: Sdk = {
  ...{ package: "@openrouter/sdk", name: "OpenRouter", places: everywhere, words },
  streams: { usage: "simulate.usage=every_chunk" },
  open({ url, apiKey }) {
    const client = new OpenRouter({ serverURL: `${url}/v1`, apiKey, retryConfig: { strategy: "none" } });
    return {
      async ask(asking) {
        const answer = await client.chat.send({ chatRequest: { ...toOpenRouterBody(asking), stream: false } });
        return "choices" in answer ? toSaid(answer) : {};
      },
      async *stream(asking) {
        const answer = await client.chat.send({ chatRequest: { ...toOpenRouterBody(asking), stream: true } });
        if ("choices" in answer) return;
        for await (const chunk of answer) yield toSaid(chunk);
      },
      async embed(input) {
        const answer = await client.embeddings.generate({ requestBody: { model: models.vectors, input } });
        if (typeof answer === "string") return [];
        return answer.data.map(({ embedding }) => (typeof embedding === "string" ? [] : embedding));
      },
      async transcribe(content) {
        const file = { fileName: "sound.wav", content };
        const requestBody = { model: models.transcript, file };
        return (await client.stt.createTranscriptionMultipart({ requestBody })).text;
      },
    };
  },
  isTooMany: (err) => err instanceof OpenRouterError && err.statusCode === 429,
};
