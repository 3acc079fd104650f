import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** `metadata` as OpenAI's API has it: what a caller notes about a thing, in pairs of short texts. */
export function metadataPairs(maxPairs: number) {
  return z
    .record(z.string().max(64), z.string().max(512))
    .refine(
      (pairs) => Object.keys(pairs).length <= maxPairs,
      inBothLanguages(`must have at most ${maxPairs} pairs`, `最多可有 ${maxPairs} 项`),
    );
}
