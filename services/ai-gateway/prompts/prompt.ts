import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { parametersSchema } from "../call-defaults/parameters.ts";
import { messagesSchema } from "./prompt-parts.ts";
import { isChoiceKnown, toolFields } from "./prompt-tools.ts";
import { namesIn } from "./render-prompt.ts";

const maxVariables = 100;

export const promptNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,99}$/,
    inBothLanguages(
      "must be up to 100 lower-case letters, digits, dots, dashes and underscores",
      "只能由至多 100 个小写字母、数字、点、短横线和下划线组成",
    ),
  );

/** Not a number, so that it cannot be taken for a version. */
export const promptLabelSchema = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,49}$/,
    inBothLanguages(
      "must be up to 50 lower-case letters, digits, dashes and underscores, a letter first",
      "须以小写字母开头，只能由至多 50 个小写字母、数字、短横线和下划线组成",
    ),
  );

const parametersOfPrompt = parametersSchema.extend({
  seed: z
    .int()
    .min(-(2 ** 31))
    .max(2 ** 31)
    .optional()
    .describe("In calls of chat, which alone has it."),
});

const promptFields = z.strictObject({
  messages: messagesSchema
    .refine(
      (messages) => namesIn({ messages }).length <= maxVariables,
      inBothLanguages(`must have at most ${maxVariables} variables`, `变量不得超过 ${maxVariables} 个`),
    )
    .describe("What a conversation begins with."),
  model: z.string().min(1).max(200).optional().describe("For calls that name no model."),
  parameters: parametersOfPrompt.default({}).describe("For calls that do not say them."),
  ...toolFields,
  description: z.string().max(1_000).default("").describe("What this version is for, or what is new in it."),
});

/** Fields of a prompt, without what they must be together. */
export const promptShape = promptFields.shape;

export const promptSchema = promptFields.refine(isChoiceKnown, {
  error: inBothLanguages(
    "must name one of the tools, or be left out without tools",
    "必须是 tools 中的函数；没有 tools 时请省略",
  ),
  path: ["tool_choice"],
});

/** What a call begins with, for the OpenAPI document. */
export const promptField = z
  .looseObject({
    id: z.string(),
    version: z.string().optional(),
    variables: z.record(z.string(), z.unknown()).optional(),
  })
  .optional()
  .describe("A prompt of the tenant's (guides/prompts.md): its messages come before these.");

export type PromptSpec = z.output<typeof promptSchema>;

export interface PromptName {
  readonly tenantId: string;
  readonly name: string;
}

/** What a tenant has under a name. */
export interface Prompt extends PromptName {
  /** 1 when it was made; one more with each change. Earlier versions stay. */
  readonly latestVersion: number;
  /** Which version each label means. */
  readonly labels: Readonly<Record<string, number>>;
  readonly updatedAt: Date;
}

/** One version, which never changes. */
export interface PromptVersion {
  readonly version: number;
  readonly spec: PromptSpec;
  /** Who made it, a person or a key without one. */
  readonly actorId: string;
  readonly createdAt: Date;
}

/** The label that calls mean which name no version. */
export const defaultLabel = "production";

/** The version that is meant by a number, a label, or neither; undefined where there is none. */
export function versionMeant({ labels, latestVersion }: Prompt, said: string | undefined): number | undefined {
  if (said === undefined) return labels[defaultLabel] ?? latestVersion;
  if (!/^\d+$/.test(said)) return Object.hasOwn(labels, said) ? labels[said] : undefined;
  const version = Number(said);
  return version >= 1 && version <= latestVersion ? version : undefined;
}
