import { toUpstreamBody } from "../../call/read-request.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { toolNameRules } from "../tool-names.ts";
import type { Wire } from "../wire.ts";
import { toEmbeddingList } from "./embed.ts";
import { toChatCompletion } from "./from-chat.ts";
import { createChatEvents } from "./from-chat-events.ts";
import { toChatRequest } from "./to-chat-request.ts";
import { toEmbedRequest } from "./to-embed-request.ts";

/** Cohere's API, version 2: Chat, Embed and Rerank (docs.cohere.com/reference/chat, /embed, /rerank). */
export const cohereWire: Wire = {
  surfaces: ["chat", "embeddings", "rerank"],
  toolNames: toolNameRules.cohere,
  probe: { method: "GET", toEndpoint: () => "/v1/models?page_size=1000", accepted: [200] },
  draft(request, model, provider) {
    if (request.surface === "embeddings") {
      const body = Buffer.from(JSON.stringify(toEmbedRequest(request, model)));
      return { endpoint: "/v2/embed", toBody: () => body };
    }
    if (request.surface === "rerank") {
      return { endpoint: "/v2/rerank", toBody: () => toUpstreamBody(request, model.upstreamName, undefined) };
    }
    const chat = toChatRequest(request, model, provider);
    return {
      endpoint: "/v2/chat",
      toBody: (outputTokens) => {
        const limit = outputTokens === undefined ? {} : { max_tokens: outputTokens };
        return Buffer.from(JSON.stringify({ ...chat, ...limit }));
      },
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { authorization: `Bearer ${secret}` }),
  toAnswer(body, json, facts) {
    if (Array.isArray(fieldOf(json, "results"))) return { body, json };
    const isEmbedding = fieldOf(json, "embeddings") !== undefined;
    const answer = (isEmbedding ? toEmbeddingList(json, facts) : toChatCompletion(json, facts)) ?? null;
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createChatEvents,
};
