import type { Wire } from "../wire.ts";
import { createOutputEvents } from "./from-output-events.ts";
import { readTask, toChatCompletion, toImageList } from "./from-prediction.ts";
import { toChatInput } from "./to-chat-input.ts";
import { toImageInput } from "./to-image-input.ts";

/**
 * Replicate's API (replicate.com/docs/reference/http): a request is a prediction, which is waited for, asked for again until it is over, or read
 * as it streams, at another host.
 */
export const replicateWire: Wire = {
  surfaces: ["chat", "imageGenerations"],
  probe: { method: "GET", toEndpoint: () => "/account", accepted: [200] },
  draft(request, model, provider) {
    const isChat = request.surface === "chat";
    const { input, limit } = isChat
      ? toChatInput(request, model, provider)
      : { input: toImageInput(request, provider), limit: undefined };
    const { endpoint, version } = placeOf(model.upstreamName);
    const { isStream } = request;
    return {
      endpoint,
      // Who streams is not to wait for the whole.
      ...(!isStream && { headers: { prefer: "wait" } }),
      toBody(outputTokens) {
        const bound = limit === undefined || outputTokens === undefined ? {} : { [limit]: outputTokens };
        return Buffer.from(
          JSON.stringify({
            ...(version !== undefined && { version }),
            ...(isStream && { stream: true }),
            input: { ...input, ...bound },
          }),
        );
      },
      ...(!isChat && { toAnswer: toImageList }),
    };
  },
  toHeaders: (secret) => (secret === "" ? {} : { authorization: `Bearer ${secret}` }),
  tasks: {
    // The two that its documentation names (replicate.com/docs/topics/predictions/streaming, and its HTTP reference).
    streamOrigins: ["https://stream.replicate.com", "https://streaming.api.replicate.com"],
    read: readTask,
    streamEnd: /(?:^|[\r\n])event: ?done[\r\n]/,
    // The first line break ends a last event that has no blank line.
    toLastEvent: (json) => Buffer.from(`\n\nevent: prediction\ndata: ${JSON.stringify(json)}\n\n`),
  },
  toAnswer(_body, json, facts) {
    const answer = toChatCompletion(json, facts) ?? null;
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createOutputEvents,
};

/** `owner/name`, whose newest version is its owner's affair, or `owner/name:version`. */
function placeOf(upstreamName: string): { readonly endpoint: string; readonly version?: string } {
  const [name = "", version] = upstreamName.split(":", 2);
  if (version !== undefined) return { endpoint: "/predictions", version };
  return { endpoint: `/models/${name.split("/").map(encodeURIComponent).join("/")}/predictions` };
}
