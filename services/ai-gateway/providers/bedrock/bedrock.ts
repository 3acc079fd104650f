import { toolNameRules } from "../tool-names.ts";
import type { Wire } from "../wire.ts";
import { readAwsCredentials, regionOf } from "./credentials.ts";
import { createEventStreamReader } from "./event-stream.ts";
import { toChatCompletion } from "./from-converse.ts";
import { createChatEvents } from "./from-converse-events.ts";
import { encodeSegment, signRequest } from "./sign-request.ts";
import { toConverseRequest } from "./to-converse-request.ts";

const service = "bedrock";

/** A model, an inference profile or an ARN of one, as one segment of the path. */
export function endpointOf(modelId: string, verb: string): string {
  return `/model/${encodeSegment(modelId)}/${verb}`;
}

/** Amazon Bedrock's Converse and ConverseStream (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html). */
export const bedrockWire: Wire = {
  surfaces: ["chat"],
  toolNames: toolNameRules.bedrock,
  framing: { contentType: "application/vnd.amazon.eventstream", createReader: createEventStreamReader },
  // What is asked of a model with an empty body is refused, but only after the key was looked at.
  probe: {
    method: "POST",
    toEndpoint: (model) => endpointOf(model, "converse"),
    body: Buffer.from("{}"),
    accepted: [400],
  },
  draft(request, model, provider) {
    const { inferenceConfig, ...converse } = toConverseRequest(request, model, provider);
    return {
      endpoint: endpointOf(model.upstreamName, request.isStream ? "converse-stream" : "converse"),
      toBody: (outputTokens) => {
        const limit = outputTokens === undefined ? {} : { maxTokens: outputTokens };
        return Buffer.from(JSON.stringify({ ...converse, inferenceConfig: { ...inferenceConfig, ...limit } }));
      },
    };
  },
  toHeaders: (secret) =>
    secret === "" || readAwsCredentials(secret) ? {} : { authorization: `Bearer ${secret.trim()}` },
  sign(secret, sent) {
    const credentials = readAwsCredentials(secret);
    if (!credentials) return {};
    return signRequest(sent, credentials, { region: regionOf(sent.authority), service });
  },
  toAnswer(_body, json, facts) {
    const answer = toChatCompletion(json, facts) ?? null;
    return { body: Buffer.from(JSON.stringify(answer)), json: answer };
  },
  createStream: createChatEvents,
};
