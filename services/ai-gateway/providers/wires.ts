import type { Model, Provider, ProviderDialect } from "../model.ts";
import { anthropicWire } from "./anthropic/anthropic.ts";
import { azureWire } from "./azure/azure.ts";
import { bedrockWire } from "./bedrock/bedrock.ts";
import { cohereWire } from "./cohere/cohere.ts";
import { deepgramWire } from "./deepgram/deepgram.ts";
import { elevenLabsWire } from "./elevenlabs/elevenlabs.ts";
import { geminiWire } from "./gemini/gemini.ts";
import { openAiWire } from "./openai.ts";
import { replicateWire } from "./replicate/replicate.ts";
import { responsesWire } from "./responses/responses.ts";
import { isAnthropic, vertexAnthropicWire, vertexWire } from "./vertex/vertex.ts";
import type { Wire } from "./wire.ts";

/** By what a provider says it speaks. */
export const wires: Readonly<Record<ProviderDialect, Wire>> = {
  openai: openAiWire,
  responses: responsesWire,
  anthropic: anthropicWire,
  gemini: geminiWire,
  bedrock: bedrockWire,
  cohere: cohereWire,
  vertex: vertexWire,
  azure: azureWire,
  elevenlabs: elevenLabsWire,
  deepgram: deepgramWire,
  replicate: replicateWire,
};

/** The wire by which a model is spoken to: on Vertex, models of Anthropic have a form of their own. */
export function wireOf({ dialect }: Pick<Provider, "dialect">, { upstreamName }: Pick<Model, "upstreamName">): Wire {
  return dialect === "vertex" && isAnthropic(upstreamName) ? vertexAnthropicWire : wires[dialect];
}
