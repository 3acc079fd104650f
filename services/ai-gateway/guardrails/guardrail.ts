import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { compileSchema, SchemaError } from "./json-schema.ts";
import { createPatternDetector } from "./pattern-detector.ts";
import { PatternError } from "./pattern-program.ts";
import { piiKinds } from "./pii-detector.ts";
import { isBlankWord } from "./word-detector.ts";

export const guardrailNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    inBothLanguages("must be 1 to 63 of a-z, 0-9, '.', '_' and '-'", "必须由 1 到 63 个 a-z、0-9、“.”、“_”或“-”组成"),
  );

const wordSchema = z
  .string()
  .min(1)
  .max(100)
  .refine((word) => !isBlankWord(word), inBothLanguages("must hold something that can be seen", "必须含可见字符"));

const patternSchema = z
  .string()
  .min(1)
  .max(500)
  .superRefine((pattern, { addIssue }) => {
    const reason = reasonAgainst(pattern);
    if (reason !== undefined) {
      addIssue({ code: "custom", message: inBothLanguages(`cannot be used: ${reason}`, `无法使用：${reason}`) });
    }
  });

function reasonAgainst(pattern: string): string | undefined {
  try {
    createPatternDetector(pattern, "pattern");
    return undefined;
  } catch (err) {
    if (err instanceof PatternError) return err.message;
    throw err;
  }
}

function reasonAgainstSchema(schema: unknown): string | undefined {
  try {
    compileSchema(schema);
    return undefined;
  } catch (err) {
    if (err instanceof SchemaError) return err.message;
    throw err;
  }
}

const fields = {
  on: z
    .enum(["request", "answer", "both"])
    .default("both")
    .describe("What is looked at: what the caller sends, what the model answers, or both."),
  on_error: z
    .enum(["closed", "open"])
    .default("closed")
    .describe("What becomes of a call that cannot be looked at within the budget: it is refused, or goes on without."),
  latency_budget_ms: z.int().min(1).max(30_000).default(200).describe("What looking may take of a call, in all."),
  enabled: z.boolean().default(true),
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
  tags: z
    .record(z.string().min(1).max(64), z.string().max(256))
    .default({})
    .describe("Only calls with all of these tags (`lyss-tags`)."),
};
const textAction = z
  .enum(["block", "mask", "flag"])
  .describe(
    "`block` refuses the call, or ends its answer; `mask` puts a placeholder in its place, which of a request is put back where the answer has it; `flag` only tells.",
  );
const verdictAction = z.enum(["block", "flag"]).describe("`block` refuses the call or its answer; `flag` only tells.");

/** What a guardrail is made of, but for its name; as callers write it. */
export const guardrailSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("words"),
    words: z
      .array(wordSchema)
      .min(1)
      .max(10_000)
      .describe("Of any language. Case, width and invisible characters make no difference."),
    action: textAction,
    ...fields,
  }),
  z.strictObject({
    kind: z.literal("patterns"),
    patterns: z
      .array(patternSchema)
      .min(1)
      .max(100)
      .describe("Regular expressions without back-references and look-around; a match has at most 512 characters."),
    ignore_case: z.boolean().default(true),
    action: textAction,
    ...fields,
  }),
  z.strictObject({
    kind: z.literal("pii"),
    types: z
      .array(z.enum(piiKinds))
      .min(1)
      .default([...piiKinds])
      .describe("What is looked for. Numbers count only with the right check digits."),
    action: textAction,
    ...fields,
  }),
  z.strictObject({
    kind: z.literal("injection"),
    action: verdictAction,
    ...fields,
    on: fields.on.default("request"),
  }),
  z.strictObject({
    kind: z.literal("schema"),
    schema: z
      .record(z.string(), z.unknown())
      .superRefine((schema, { addIssue }) => {
        const reason = reasonAgainstSchema(schema);
        if (reason === undefined) return;
        const message = inBothLanguages(`must be a JSON Schema: ${reason}`, `必须是 JSON Schema：${reason}`);
        addIssue({ code: "custom", message });
      })
      .describe("A JSON Schema that the answer's text has to fulfil."),
    action: verdictAction,
    ...fields,
    on: z.literal("answer").default("answer"),
  }),
]);

export type GuardrailSpec = z.output<typeof guardrailSchema>;
export type GuardrailKind = GuardrailSpec["kind"];

/** Names a guardrail: of a tenant, or of the platform for all of them, whose tenant is empty. */
export interface GuardrailName {
  readonly tenantId: string;
  readonly name: string;
}

export interface Guardrail extends GuardrailName {
  readonly spec: GuardrailSpec;
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly updatedAt: Date;
}

/** The side of a call that something was found on. */
export type Side = "request" | "answer";

export function looksAt({ spec: { on } }: Pick<Guardrail, "spec">, side: Side): boolean {
  return on === side || on === "both";
}
