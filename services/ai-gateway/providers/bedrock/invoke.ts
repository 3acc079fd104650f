import type { SseEvent } from "../../dialects/openai/sse.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import { anthropicWire } from "../anthropic/anthropic.ts";
import { toChatEvent } from "../chat-chunks.ts";
import { parseData, textOf } from "../read-answer.ts";
import type { Wire } from "../wire.ts";
import { bedrockWire, endpointOf } from "./bedrock.ts";
import { statuses } from "./from-converse-events.ts";

/** What stands for `anthropic-version` there, and in the body (docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html). */
export const anthropicVersion = "bedrock-2023-05-31";

/** True for a model of Anthropic, or an inference profile of one, by its id. */
export function isAnthropicOnBedrock(upstreamName: string): boolean {
  return /(^|[./:])anthropic\.claude-/.test(upstreamName);
}

/** Where a model is asked in its vendor's own form. */
export function invokeEndpointOf(modelId: string, isStream: boolean): string {
  return endpointOf(modelId, isStream ? "invoke-with-response-stream" : "invoke");
}

/** An event as Anthropic's API would send it: within `chunk` it is there whole, in base64. Exceptions stay what they are. */
export function unwrapChunk(event: SseEvent): SseEvent {
  const bytes = fieldOf(fieldOf(parseData(event.data), "chunk"), "bytes");
  if (typeof bytes !== "string") return event;
  const data = Buffer.from(bytes, "base64").toString("utf8");
  return { raw: Buffer.from(`event: ${textOf(parseData(data), "type")}\ndata: ${data}\n\n`), data };
}

/** Anthropic's models on Bedrock, in Anthropic's form: InvokeModel and InvokeModelWithResponseStream. */
export const bedrockAnthropicWire: Wire = {
  ...bedrockWire,
  draft: anthropicWire.draft,
  toAnswer: anthropicWire.toAnswer,
  createStream(facts) {
    const stream = anthropicWire.createStream(facts);
    return {
      read(event) {
        const exception = fieldOf(parseData(event.data), "exception");
        if (typeof exception !== "string") return stream.read(unwrapChunk(event));
        return [toChatEvent({ error: { status: statuses[exception] ?? 500, code: exception } })];
      },
    };
  },
};
