import { toUpstreamBody } from "../call/read-request.ts";
import { adaptToVendor } from "../provider-quirks.ts";
import { type Surface, surfaces } from "../surfaces/surface.ts";
import type { Wire, WireStream } from "./wire.ts";

const stream: WireStream = { read: (event) => [event] };

/** OpenAI's API and the many that are like it: bytes go through as they are. */
export const openAiWire: Wire = {
  surfaces: Object.keys(surfaces) as Surface[],
  draft(request, model, provider = {}) {
    const adapted = adaptToVendor(request, model, provider);
    return {
      endpoint: surfaces[request.surface].endpoint,
      toBody: (outputTokens) => toUpstreamBody(adapted, model.upstreamName, outputTokens),
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { authorization: `Bearer ${secret}` }),
  toAnswer: (body, json) => ({ body, json }),
  createStream: () => stream,
};
