import type { CallRequest } from "../../call/read-request.ts";
import { anthropicWire } from "../../providers/anthropic/anthropic.ts";
import {
  bedrockAnthropicWire,
  anthropicVersion as bedrockVersion,
  invokeEndpointOf,
  isAnthropicOnBedrock,
  unwrapChunk,
} from "../../providers/bedrock/invoke.ts";
import {
  isAnthropic,
  placeOf,
  vertexAnthropicWire,
  anthropicVersion as vertexVersion,
} from "../../providers/vertex/vertex.ts";
import type { Wire } from "../../providers/wire.ts";
import type { ReadingProvider } from "../dialect.ts";
import { setFields, withoutField } from "../openai/json-fields.ts";
import type { SseEvent } from "../openai/sse.ts";

/** Where Anthropic's models are offered in Anthropic's own form. */
export interface NativePlace {
  readonly wire: Wire;
  endpointOf(upstreamName: string, isStream: boolean): string;
  /** What goes there of a body in which the model and the limit are set already. */
  toBody(body: Buffer, betas: readonly string[]): Buffer;
  /** True where betas are named in the head. */
  readonly hasBetaHeader: boolean;
  /** An event as Anthropic's API would send it. */
  toEvent(event: SseEvent): SseEvent;
}

const itself = <T>(value: T): T => value;

const atAnthropic: NativePlace = {
  ...{ wire: anthropicWire, hasBetaHeader: true, endpointOf: () => "/messages", toBody: itself, toEvent: itself },
};

/** The path names the model, and the body the version (docs.claude.com/en/api/claude-on-vertex-ai). */
const onVertex: NativePlace = {
  ...{ wire: vertexAnthropicWire, hasBetaHeader: true, toEvent: itself },
  endpointOf: (upstreamName, isStream) => placeOf(upstreamName, isStream ? "streamRawPredict" : "rawPredict"),
  toBody: (body) => withVersion(body, ["model"], { anthropic_version: vertexVersion }),
};

/** The path says what the model is and whether it streams, and the body the version and the betas (docs.claude.com/en/api/claude-on-amazon-bedrock). */
const onBedrock: NativePlace = {
  ...{ wire: bedrockAnthropicWire, hasBetaHeader: false, endpointOf: invokeEndpointOf, toEvent: unwrapChunk },
  toBody: (body, betas) =>
    withVersion(body, ["model", "stream", "anthropic_beta"], {
      anthropic_version: bedrockVersion,
      ...(betas.length > 0 && { anthropic_beta: betas }),
    }),
};

/** Where the model is in that form; undefined for a provider that has to be asked in another. */
export function nativePlaceOf({ dialect }: Pick<ReadingProvider, "dialect">, upstreamName: string) {
  if (dialect === "anthropic") return atAnthropic;
  if (dialect === "vertex" && isAnthropic(upstreamName)) return onVertex;
  return dialect === "bedrock" && isAnthropicOnBedrock(upstreamName) ? onBedrock : undefined;
}

/** The body without some fields, with those of the place in front; what stands twice is left for the provider to judge. */
function withVersion(body: Buffer, without: readonly string[], fields: Readonly<Record<string, unknown>>): Buffer {
  const left = [...without, "anthropic_version"].reduce((from, name) => withoutField(from, name) ?? from, body);
  const values = Object.entries(fields).map(([name, value]) => [name, JSON.stringify(value)] as const);
  return setFields(left, new Map<string, NonNullable<ReturnType<CallRequest["fields"]["get"]>>>(), new Map(values));
}
