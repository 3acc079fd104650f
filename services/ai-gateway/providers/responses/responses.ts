import { fieldOf } from "../../dialects/openai/usage.ts";
import { adaptToVendor } from "../../provider-quirks.ts";
import { openAiWire } from "../openai.ts";
import type { Wire } from "../wire.ts";
import { toChatCompletion, toChatError } from "./from-response.ts";
import { createChatEvents } from "./from-response-events.ts";
import { toResponseRequest } from "./to-response-request.ts";

/**
 * OpenAI's API where conversations are asked for as responses: of models that are offered no other way, and of all that keep what they
 * thought from one turn to the next. Everything else is asked for as at OpenAI.
 */
export const responsesWire: Wire = {
  ...openAiWire,
  isChat: false,
  draft(request, model, provider = {}) {
    if (request.surface !== "chat") return openAiWire.draft(request, model, provider);
    const response = toResponseRequest(adaptToVendor(request, model, provider), model, provider);
    return {
      endpoint: "/responses",
      toBody: (outputTokens) => {
        const limit = outputTokens === undefined ? {} : { max_output_tokens: outputTokens };
        return Buffer.from(JSON.stringify({ ...response, ...limit }));
      },
    };
  },
  toAnswer(body, json, facts) {
    const isResponse = fieldOf(json, "object") === "response" || fieldOf(json, "type") === "error";
    if (!isResponse) return { body, json };
    const answer = toChatCompletion(json, facts) ?? toChatError(json) ?? null;
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createChatEvents,
};
