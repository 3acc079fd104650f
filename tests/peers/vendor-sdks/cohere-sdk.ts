import { type Cohere, CohereClientV2, CohereError } from "cohere-ai";
import { citySchema, image } from "../../conformance/clients/client.ts";
import { type Asking, models, type Said, type Sdk } from "./sdk.ts";

const tool: Cohere.ToolV2 = {
  type: "function",
  function: { name: "get_weather", description: "Weather of a city", parameters: { ...citySchema } },
};

function toRequest({ text, mayCall, called, isShaped, showsImage }: Asking) {
  const picture = { type: "image_url" as const, imageUrl: { url: `data:image/png;base64,${image}` } };
  const told: Cohere.ChatMessageV2[] = called
    ? [
        {
          ...{ role: "assistant", toolPlan: "The weather is asked for." },
          toolCalls: [{ id: called.id, type: "function", function: { name: called.name, arguments: called.given } }],
        },
        { role: "tool", toolCallId: called.id, content: "rain" },
      ]
    : [];
  const asked: Cohere.ChatMessageV2 = {
    role: "user",
    content: showsImage ? [{ type: "text", text }, picture] : text,
  };
  return {
    ...{ model: models.chat, messages: [asked, ...told] },
    ...(mayCall && { tools: [tool] }),
    ...(isShaped && { responseFormat: { type: "json_object" as const, jsonSchema: { ...citySchema } } }),
  };
}

function toTokens(usage: Cohere.Usage | undefined): Said["tokens"] {
  const { inputTokens: input, outputTokens: output } = usage?.billedUnits ?? {};
  return input === undefined || output === undefined ? undefined : [input, output];
}

function toSaid({ message, finishReason, usage }: Cohere.V2ChatResponse): Said {
  const content = message.content ?? [];
  return {
    text: content.map((part) => (part.type === "text" ? part.text : "")).join(""),
    thought: content.map((part) => (part.type === "thinking" ? part.thinking : "")).join(""),
    calls: (message.toolCalls ?? []).map(({ id, function: called }, index) => ({
      ...{ index, id, name: called?.name ?? "", given: called?.arguments ?? "" },
    })),
    ...{ finish: finishReason, tokens: toTokens(usage) },
  };
}

function fromEvent(event: Cohere.V2ChatStreamResponse): Said {
  if (event.type === "content-delta") {
    const { text, thinking } = event.delta?.message?.content ?? {};
    return { text, thought: thinking };
  }
  if (event.type === "tool-call-start") {
    const { id, function: called } = event.delta?.message?.toolCalls ?? {};
    return { calls: [{ index: event.index ?? 0, id: id ?? "", name: called?.name ?? "" }] };
  }
  if (event.type === "tool-call-delta") {
    const more = event.delta?.message?.toolCalls?.function?.arguments ?? "";
    return { calls: [{ index: event.index ?? 0, given: more }] };
  }
  if (event.type !== "message-end") return {};
  return { finish: event.delta?.finishReason, tokens: toTokens(event.delta?.usage) };
}

/** Cohere's own API, version 2, which the gateway speaks to it and not to callers. */
export const cohere: Sdk = {
  ...{ package: "cohere-ai", name: "Cohere", places: ["its vendor"] },
  words: { end: "COMPLETE", call: "TOOL_CALL", showsThoughts: true },
  open({ url, apiKey }) {
    const client = new CohereClientV2({ environment: url, token: apiKey, maxRetries: 0 });
    return {
      ask: async (asking) => toSaid(await client.chat(toRequest(asking))),
      async *stream(asking) {
        for await (const event of await client.chatStream(toRequest(asking))) yield fromEvent(event);
      },
      async embed(texts) {
        const asked = {
          model: models.vectors,
          inputType: "search_document" as const,
          embeddingTypes: ["float" as const],
        };
        return (await client.embed({ ...asked, texts })).embeddings.float ?? [];
      },
      async rerank(query, documents) {
        const { results } = await client.rerank({ model: models.rerank, query, documents });
        return results.map(({ index }) => index);
      },
    };
  },
  isTooMany: (err) => err instanceof CohereError && err.statusCode === 429,
};
