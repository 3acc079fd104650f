import { anthropicWire } from "../anthropic/anthropic.ts";
import { toMessageRequest } from "../anthropic/to-message-request.ts";
import { geminiWire } from "../gemini/gemini.ts";
import type { Wire } from "../wire.ts";

/** What stands for `anthropic-version` there, and in the body (docs.claude.com/en/api/claude-on-vertex-ai). */
export const anthropicVersion = "vertex-2023-10-16";

export function placeOf(model: string, verb: string): string {
  return `/publishers/${isAnthropic(model) ? "anthropic" : "google"}/models/${encodeURIComponent(model)}:${verb}`;
}

/** Models of Anthropic are asked in their own form, and all others in Google's. */
export function isAnthropic(upstreamName: string): boolean {
  return upstreamName.startsWith("claude-");
}

/** The secret is a token by then (`access-tokens.ts`). */
function toHeaders(secret: string): Readonly<Record<string, string>> {
  return secret === "" ? {} : { authorization: `Bearer ${secret}` };
}

// What is asked of a model with an empty body is refused, but only after the token was looked at.
const probe: Wire["probe"] = {
  method: "POST",
  toEndpoint: (model) => placeOf(model, isAnthropic(model) ? "rawPredict" : "generateContent"),
  body: Buffer.from("{}"),
  accepted: [400],
};

/** Google's models on Vertex AI (cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference): the same form as at AI Studio, below a publisher. */
export const vertexWire: Wire = {
  ...geminiWire,
  // Vectors have a form of their own there.
  surfaces: ["chat"],
  toHeaders,
  probe,
  draft(request, model, provider) {
    const { endpoint, toBody } = geminiWire.draft(request, model, provider);
    return { endpoint: `/publishers/google${endpoint}`, toBody };
  },
};

/** Anthropic's models there: the path names the model, and the body the version. */
export const vertexAnthropicWire: Wire = {
  ...anthropicWire,
  toHeaders,
  probe,
  draft(request, model, provider) {
    const { max_tokens: asked, model: _model, ...message } = toMessageRequest(request, model, provider);
    const body = { anthropic_version: anthropicVersion, ...message };
    return {
      endpoint: placeOf(model.upstreamName, request.isStream ? "streamRawPredict" : "rawPredict"),
      toBody: (outputTokens) => Buffer.from(JSON.stringify({ ...body, max_tokens: outputTokens ?? asked })),
    };
  },
};
