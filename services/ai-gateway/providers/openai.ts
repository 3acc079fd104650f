import { toUpstreamBody } from "../call/read-request.ts";
import { adaptToVendor } from "../provider-quirks.ts";
import { withField } from "../surfaces/multipart.ts";
import { isMedia, type Surface, surfaces } from "../surfaces/surface.ts";
import { toolNameRules } from "./tool-names.ts";
import type { Wire, WireStream } from "./wire.ts";

/** A stream that is in chat's form as it comes. */
export const asItComes: WireStream = { read: (event) => [event] };

/** OpenAI's API and the many that are like it: bytes go through as they are. */
export const openAiWire: Wire = {
  surfaces: Object.keys(surfaces) as Surface[],
  toolNames: toolNameRules.openai,
  isChat: true,
  draft(request, model, provider = {}) {
    const { form } = request;
    if (form) {
      const body = model.upstreamName === request.model ? form.bytes : withField(form, "model", model.upstreamName);
      const headers = { "content-type": form.contentType };
      return { endpoint: surfaces[request.surface].endpoint, headers, toBody: () => body };
    }
    const adapted = isMedia(request.surface) ? request : adaptToVendor(request, model, provider);
    return {
      ...(request.surface === "speech" && { headers: { accept: "*/*" } }),
      endpoint: surfaces[request.surface].endpoint,
      toBody: (outputTokens) => toUpstreamBody(adapted, model.upstreamName, outputTokens),
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { authorization: `Bearer ${secret}` }),
  toAnswer: (body, json) => ({ body, json }),
  createStream: () => asItComes,
};
