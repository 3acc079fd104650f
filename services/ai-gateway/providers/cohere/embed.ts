import { fieldOf } from "../../dialects/openai/usage.ts";
import { countOf, textOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";

/** An answer of Embed as a list of vectors; undefined for what is none. */
export function toEmbeddingList(json: unknown, { upstreamModel }: WireFacts): object | undefined {
  const vectors = fieldOf(fieldOf(json, "embeddings"), "float");
  if (!Array.isArray(vectors)) return undefined;
  const units = fieldOf(fieldOf(json, "meta"), "billed_units");
  const tokens = countOf(units, "input_tokens") ?? countOf(units, "image_tokens");
  return {
    object: "list",
    id: textOf(json, "id"),
    data: vectors.map((embedding, index) => ({ object: "embedding", index, embedding })),
    model: upstreamModel,
    ...(tokens !== undefined && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  };
}
