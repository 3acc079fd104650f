import { toolNameRules } from "../tool-names.ts";
import type { Wire } from "../wire.ts";
import { toEmbedContents, toEmbeddingList } from "./embed.ts";
import { toChatCompletion } from "./from-content.ts";
import { createChatEvents } from "./from-content-events.ts";
import { toContentRequest } from "./to-content-request.ts";

/** Where a model is asked, below the base URL. */
export function endpointOf(upstreamName: string, isStream: boolean): string {
  const verb = isStream ? "streamGenerateContent?alt=sse" : "generateContent";
  return `/models/${encodeURIComponent(upstreamName)}:${verb}`;
}

/** Where texts are embedded by a model: one, or several at once. */
export function embeddingsEndpointOf(upstreamName: string, verb: "embedContent" | "batchEmbedContents"): string {
  return `/models/${encodeURIComponent(upstreamName)}:${verb}`;
}

/** Google's Gemini API (ai.google.dev/api/generate-content, /embeddings). */
export const geminiWire: Wire = {
  surfaces: ["chat", "embeddings"],
  toolNames: toolNameRules.gemini,
  draft(request, model, provider) {
    if (request.surface === "embeddings") {
      const body = Buffer.from(JSON.stringify({ requests: toEmbedContents(request, model) }));
      return { endpoint: embeddingsEndpointOf(model.upstreamName, "batchEmbedContents"), toBody: () => body };
    }
    const { generationConfig, ...content } = toContentRequest(request, model, provider);
    return {
      endpoint: endpointOf(model.upstreamName, request.isStream),
      toBody: (outputTokens) => {
        const limit = outputTokens === undefined ? {} : { maxOutputTokens: outputTokens };
        return Buffer.from(JSON.stringify({ ...content, generationConfig: { ...generationConfig, ...limit } }));
      },
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { "x-goog-api-key": secret }),
  toAnswer(_body, json, facts) {
    const answer = toEmbeddingList(json, facts) ?? toChatCompletion(json, facts);
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createChatEvents,
};
