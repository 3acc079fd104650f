import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { readWebhookSecret } from "@lyss/kit/http/standard-webhook.ts";
import { z } from "zod";
import { baseUrlSchema } from "../base-url.ts";
import { compileSchema, SchemaError } from "./json-schema.ts";
import { createPatternDetector } from "./pattern-detector.ts";
import { PatternError } from "./pattern-program.ts";
import { piiKinds } from "./pii-detector.ts";
import { reasonPattern } from "./reason-pattern.ts";
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

/** Of kinds that ask somebody else. */
const askingFields = {
  action: verdictAction
    .default("block")
    .describe("`block`: what is said is done; `flag`: it is only told, whatever is said."),
  ...fields,
  timeout_ms: z
    .int()
    .min(1)
    .max(30_000)
    .default(2_000)
    .describe("How long one question waits for its verdict; after it `on_error` says what becomes of the call."),
  latency_budget_ms: z
    .int()
    .min(1)
    .max(600_000)
    .default(30_000)
    .describe("What all questions of a call may take together; a stream has one for each window."),
  window_chars: z
    .int()
    .min(1)
    .max(100_000)
    .default(400)
    .describe("Of a streamed answer so much is held back and asked about at a time; the rest of it at its end."),
};
const scoreSchema = z.number().min(0).max(1);

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
  z.strictObject({
    kind: z.literal("webhook"),
    url: baseUrlSchema.describe(
      "Where texts are posted, signed as Standard Webhooks has it; https and public, but for the operator's own. No redirect is followed.",
    ),
    secret: z
      .string()
      .refine(
        (secret) => readWebhookSecret(secret) !== undefined,
        inBothLanguages(
          "must be whsec_ and 24 to 64 bytes in base64, such as `echo whsec_$(openssl rand -base64 32)` makes",
          "必须是 whsec_ 加 24 至 64 字节的 base64，例如 `echo whsec_$(openssl rand -base64 32)` 的输出",
        ),
      )
      .nullable()
      .optional()
      .meta({ writeOnly: true })
      .describe(
        "What each message is signed with. Sealed at once, never shown again. Left out, the one that there is stays, as long as the address does; null for none.",
      ),
    asked_first: z
      .boolean()
      .default(false)
      .describe(
        "Whether it is asked, and what it replaces replaced, before other webhooks and models are: they never see what it has taken out. Else all are asked at once.",
      ),
    ...askingFields,
  }),
  z
    .strictObject({
      kind: z.literal("model"),
      model: z
        .string()
        .min(1)
        .max(200)
        .describe("What is asked, as a call of its own that whoever makes the call pays: a model that the tenant has."),
      ask: z
        .enum(["moderation", "chat"])
        .default("moderation")
        .describe(
          "`moderation` as `/v1/moderations` does; `chat` has any model that chats give scores to the categories.",
        ),
      categories: z
        .array(
          z
            .string()
            .regex(
              reasonPattern,
              inBothLanguages(
                "must be 1 to 64 letters, digits and . _ / -, beginning with a letter or digit",
                "必须是 1 至 64 个字母、数字或 . _ / -，并以字母或数字开头",
              ),
            ),
        )
        .max(50)
        .default([])
        .describe("What counts, such as `violence` or `self-harm/intent`; all that the model knows when empty."),
      threshold: scoreSchema
        .optional()
        .describe("From which score on a category is met; as the model itself says unless given, and 0.5 with `chat`."),
      thresholds: z.record(z.string().max(64), scoreSchema).default({}).describe("The same of single categories."),
      ...askingFields,
    })
    .superRefine(({ ask, categories }, { addIssue }) => {
      if (ask === "moderation" || categories.length > 0) return;
      const message = inBothLanguages("must name what to look for with `ask: chat`", "使用 `ask: chat` 时必须列出类别");
      addIssue({ code: "custom", path: ["categories"], message });
    }),
]);

export type GuardrailSpec = z.output<typeof guardrailSchema>;
export type GuardrailKind = GuardrailSpec["kind"];
/** Of kinds that ask somebody outside of this process. */
export type AskingSpec = Extract<GuardrailSpec, { kind: "webhook" | "model" }>;

/** Names a guardrail: of a tenant, or of the platform for all of them, whose tenant is empty. */
export interface GuardrailName {
  readonly tenantId: string;
  readonly name: string;
}

export interface Guardrail extends GuardrailName {
  readonly spec: GuardrailSpec;
  /** Of the secret that a webhook's messages are signed with, which stands nowhere else; empty for none. */
  readonly credentialId: string;
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly updatedAt: Date;
}

/** The side of a call that something was found on. */
export type Side = "request" | "answer";

export function looksAt({ spec: { on } }: Pick<Guardrail, "spec">, side: Side): boolean {
  return on === side || on === "both";
}
