import { type Surface, toUpstreamBody } from "../call/read-request.ts";
import { adaptToVendor } from "../provider-quirks.ts";
import type { Wire, WireStream } from "./wire.ts";

export const endpointOf: Readonly<Record<Surface, string>> = {
  chat: "/chat/completions",
  completions: "/completions",
  embeddings: "/embeddings",
};

const stream: WireStream = { read: (event) => [event] };

/** OpenAI's API and the many that are like it: bytes go through as they are. */
export const openAiWire: Wire = {
  surfaces: ["chat", "completions", "embeddings"],
  draft(request, model, provider = {}) {
    const adapted = adaptToVendor(request, model, provider);
    return {
      endpoint: endpointOf[request.surface],
      toBody: (outputTokens) => toUpstreamBody(adapted, model.upstreamName, outputTokens),
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { authorization: `Bearer ${secret}` }),
  toAnswer: (body, json) => ({ body, json }),
  createStream: () => stream,
};
