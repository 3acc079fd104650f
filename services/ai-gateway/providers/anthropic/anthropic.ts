import { toolNameRules } from "../tool-names.ts";
import type { Wire } from "../wire.ts";
import { toChatCompletion, toChatError } from "./from-message.ts";
import { createChatEvents } from "./from-message-events.ts";
import { toMessageRequest } from "./to-message-request.ts";

/** The version of the API that is spoken (docs.anthropic.com/en/api/versioning). */
const apiVersion = "2023-06-01";

/** Anthropic's Messages API, at Anthropic and where it is offered in the same form. */
export const anthropicWire: Wire = {
  surfaces: ["chat"],
  toolNames: toolNameRules.anthropic,
  draft(request, model, provider) {
    const { max_tokens: asked, ...message } = toMessageRequest(request, model, provider);
    return {
      endpoint: "/messages",
      toBody: (outputTokens) => Buffer.from(JSON.stringify({ ...message, max_tokens: outputTokens ?? asked })),
    };
  },
  toHeaders: (secret) => ({
    "anthropic-version": apiVersion,
    ...(secret !== "" && { "x-api-key": secret }),
  }),
  toAnswer(_body, json, facts) {
    const answer = toChatCompletion(json, facts) ?? toChatError(json) ?? null;
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createChatEvents,
};
