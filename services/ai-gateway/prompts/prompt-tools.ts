import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { refuseField } from "../call/refuse-field.ts";
import { type Fields, isAbsent } from "../dialects/request-fields.ts";

const maxSchemaLength = 100_000;

const functionName = z
  .string()
  .regex(
    /^[A-Za-z0-9_-]{1,64}$/,
    inBothLanguages(
      "must be up to 64 letters, digits, dashes and underscores",
      "只能由至多 64 个字母、数字、短横线和下划线组成",
    ),
  );
const jsonSchema = z
  .record(z.string(), z.unknown())
  .refine(
    (schema) => JSON.stringify(schema).length <= maxSchemaLength,
    inBothLanguages(`must hold at most ${maxSchemaLength} characters`, `不得超过 ${maxSchemaLength} 个字符`),
  );
const toolSchema = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: functionName,
    description: z.string().max(10_000).optional(),
    parameters: jsonSchema.optional().describe("A JSON schema of an object."),
    strict: z.boolean().optional(),
  }),
});
const namedChoice = z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: functionName }) });
const formatSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject({
      name: functionName,
      description: z.string().max(10_000).optional(),
      schema: jsonSchema,
      strict: z.boolean().optional(),
    }),
  }),
]);

/** What a prompt says of tools and of the form of the answer, as chat has it. */
export const toolFields = {
  tools: z
    .array(toolSchema)
    .min(1)
    .max(64)
    .refine(
      (tools) => new Set(tools.map((tool) => tool.function.name)).size === tools.length,
      inBothLanguages("must name each function once", "每个函数名只能出现一次"),
    )
    .optional()
    .describe("Functions, for calls that name none."),
  tool_choice: z
    .union([z.enum(["auto", "required", "none"]), namedChoice])
    .optional()
    .describe("With `tools`, for calls that do not say it."),
  response_format: formatSchema.optional().describe("For calls that do not say it."),
};

export type PromptTools = z.output<z.ZodObject<typeof toolFields>>;
type Tool = NonNullable<PromptTools["tools"]>[number];
type Choice = NonNullable<PromptTools["tool_choice"]>;
type Format = NonNullable<PromptTools["response_format"]>;

/** A choice that names a function names one of the prompt's; without functions there is none. */
export function isChoiceKnown({ tools = [], tool_choice }: PromptTools): boolean {
  if (tool_choice === undefined) return true;
  if (typeof tool_choice === "string") return tools.length > 0;
  return tools.some((tool) => tool.function.name === tool_choice.function.name);
}

interface Written {
  readonly tools: (tools: readonly Tool[]) => readonly object[];
  readonly choice: (choice: Choice) => unknown;
  /** The fields that say it, in a body that does not yet. */
  readonly format: (format: Format, json: Fields) => Fields;
}

const byDialect: Readonly<Record<"chat" | "messages" | "responses", Written>> = {
  chat: {
    tools: (tools) => tools,
    choice: (choice) => choice,
    format: (response_format, json) => (isAbsent(json["response_format"]) ? { response_format } : {}),
  },
  messages: {
    tools: (tools) =>
      tools.map(({ function: { name, description, parameters, strict } }) => ({
        ...{ name, ...(description !== undefined && { description }), ...(strict !== undefined && { strict }) },
        input_schema: parameters ?? { type: "object" },
      })),
    choice: (choice) =>
      typeof choice === "string"
        ? { type: choice === "required" ? "any" : choice }
        : { type: "tool", name: choice.function.name },
    format(format, json) {
      const config = toFields(json["output_config"]);
      if (format.type === "text" || !isAbsent(config["format"])) return {};
      if (format.type === "json_object") {
        throw refuseField(
          "prompt",
          "asks for any JSON object, which this dialect cannot say: call it at /v1/chat/completions, or give it a schema",
          "要求返回任意 JSON 对象，此方言无法表达：请改用 /v1/chat/completions，或为其指定 schema",
        );
      }
      const { schema } = format.json_schema;
      return { output_config: { ...config, format: { type: "json_schema", schema } } };
    },
  },
  responses: {
    tools: (tools) =>
      tools.map(({ type, function: { parameters = null, ...rest } }) => ({ type, parameters, ...rest })),
    choice: (choice) => (typeof choice === "string" ? choice : { type: "function", name: choice.function.name }),
    format(format, json) {
      const text = toFields(json["text"]);
      if (!isAbsent(text["format"])) return {};
      const flat = format.type === "json_schema" ? { type: format.type, ...format.json_schema } : format;
      return { text: { ...text, format: flat } };
    },
  },
};

/** What a prompt says of tools and of the answer's form and `json` does not, as the dialect has it. A caller's own tools replace all of the prompt's. */
export function missingTools(
  { tools, tool_choice, response_format }: PromptTools,
  dialect: keyof typeof byDialect,
  json: Fields,
): Fields {
  const written = byDialect[dialect];
  const isOwn = tools === undefined || !isAbsent(json["tools"]);
  return {
    ...(!isOwn && { tools: written.tools(tools) }),
    ...(!isOwn &&
      tool_choice !== undefined &&
      isAbsent(json["tool_choice"]) && { tool_choice: written.choice(tool_choice) }),
    ...(response_format !== undefined && written.format(response_format, json)),
  };
}

function toFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
