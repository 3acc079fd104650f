import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { createPatternDetector } from "../guardrails/pattern-detector.ts";
import { PatternError } from "../guardrails/pattern-program.ts";
import { piiKinds } from "../guardrails/pii-detector.ts";
import { isBlankWord } from "../guardrails/word-detector.ts";

const patternSchema = z
  .string()
  .min(1)
  .max(500)
  .refine(isPattern, inBothLanguages("is not a pattern that can be used", "不是可用的正则表达式"));

function isPattern(pattern: string): boolean {
  try {
    createPatternDetector(pattern, "text");
    return true;
  } catch (err) {
    if (err instanceof PatternError) return false;
    throw err;
  }
}

const redactionSchema = z
  .strictObject({
    pii: z
      .array(z.enum(piiKinds))
      .default([...piiKinds])
      .describe("What is known by its form; nothing of it when empty. All of it unless given."),
    words: z
      .array(
        z
          .string()
          .min(1)
          .max(100)
          .refine(
            (word) => !isBlankWord(word),
            inBothLanguages("must hold something that can be seen", "必须含可见字符"),
          ),
      )
      .max(1_000)
      .default([])
      .describe("Words of any language; case, width and invisible characters make no difference."),
    patterns: z
      .array(patternSchema)
      .max(100)
      .default([])
      .describe("Regular expressions without back-references and look-around."),
  })
  .prefault({});

/** Which calls' requests and answers a tenant wants kept, and how; as callers write it. */
export const bodyPolicySchema = z.strictObject({
  models: z
    .array(z.string().min(1).max(200))
    .max(100)
    .default([])
    .describe(
      "Only calls of these models, by the name that callers give or that an alias of theirs means; one that ends in `*` stands for all that begin so. All when empty.",
    ),
  keys: z
    .array(z.string().min(1).max(100))
    .max(1_000)
    .default([])
    .describe("Only calls with these keys. All when empty."),
  sample_ratio: z.number().min(0).max(1).default(1).describe("What share of these calls, picked by their ids."),
  retention_days: z.int().min(1).max(90).default(7).describe("How long what is kept from now on can be read."),
  max_bytes: z
    .int()
    .min(1_024)
    .max(1_048_576)
    .default(65_536)
    .describe("Of a request, and of an answer: what is longer is cut there and marked."),
  redaction: redactionSchema.describe("What is taken out before anything is kept: a mark stands in its place."),
});

export type BodyPolicySpec = z.output<typeof bodyPolicySchema>;

export interface BodyPolicy {
  readonly tenantId: string;
  readonly spec: BodyPolicySpec;
  /** 1, and one more for each change. */
  readonly version: number;
  readonly updatedAt: Date;
  /** What began before is not written any more; null where nothing was purged. */
  readonly purgedAt: Date | null;
}
