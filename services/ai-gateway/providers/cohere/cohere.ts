import { fieldOf } from "../../dialects/openai/usage.ts";
import type { Wire } from "../wire.ts";
import { toEmbeddingList } from "./embed.ts";
import { toChatCompletion } from "./from-chat.ts";
import { createChatEvents } from "./from-chat-events.ts";
import { toChatRequest } from "./to-chat-request.ts";
import { toEmbedRequest } from "./to-embed-request.ts";

/** Cohere's API, version 2: Chat and Embed (docs.cohere.com/reference/chat, /reference/embed). */
export const cohereWire: Wire = {
  surfaces: ["chat", "embeddings"],
  probe: { method: "GET", toEndpoint: () => "/v1/models?page_size=1000", accepted: [200] },
  draft(request, model, provider) {
    if (request.surface === "embeddings") {
      const body = Buffer.from(JSON.stringify(toEmbedRequest(request, model)));
      return { endpoint: "/v2/embed", toBody: () => body };
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
  toAnswer(_body, json, facts) {
    const isEmbedding = fieldOf(json, "embeddings") !== undefined;
    const answer = (isEmbedding ? toEmbeddingList(json, facts) : toChatCompletion(json, facts)) ?? null;
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createChatEvents,
};
