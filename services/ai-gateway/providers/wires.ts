import type { ProviderDialect } from "../model.ts";
import { anthropicWire } from "./anthropic/anthropic.ts";
import { bedrockWire } from "./bedrock/bedrock.ts";
import { geminiWire } from "./gemini/gemini.ts";
import { openAiWire } from "./openai.ts";
import type { Wire } from "./wire.ts";

/** By what a provider says it speaks. */
export const wires: Readonly<Record<ProviderDialect, Wire>> = {
  openai: openAiWire,
  anthropic: anthropicWire,
  gemini: geminiWire,
  bedrock: bedrockWire,
};
