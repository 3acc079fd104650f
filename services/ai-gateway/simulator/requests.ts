import { z } from "zod";
import { badRequest } from "./wire-error.ts";

const text = z.string();
const textPart = z.looseObject({ type: z.literal("text"), text });
const contentPart = z.discriminatedUnion("type", [
  textPart,
  z.looseObject({ type: z.literal("refusal"), refusal: text }),
  z.looseObject({ type: z.literal("image_url"), image_url: z.looseObject({ url: text.min(1) }) }),
  z.looseObject({ type: z.literal("input_audio"), input_audio: z.looseObject({ data: text, format: text }) }),
  z.looseObject({ type: z.literal("file"), file: z.looseObject({}) }),
]);
const content = z.union([text, z.array(contentPart).min(1)]);

const functionNames = /^[a-zA-Z0-9_-]{1,64}$/;
const functionName = text.regex(functionNames, "must be 1 to 64 of a-z, A-Z, 0-9, _ and -");
const toolCall = z.looseObject({
  id: text.min(1),
  type: z.literal("function"),
  function: z.looseObject({ name: text.min(1), arguments: text }),
});

const message = z.discriminatedUnion("role", [
  z.looseObject({ role: z.enum(["system", "developer", "user"]), content, name: text.optional() }),
  z.looseObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    name: text.optional(),
    refusal: text.nullish(),
    tool_calls: z.array(toolCall).min(1).max(128).optional(),
  }),
  z.looseObject({ role: z.literal("tool"), content, tool_call_id: text.min(1) }),
]);

const jsonSchema = z.looseObject({});
const tool = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({ name: text, description: text.optional(), parameters: jsonSchema.optional() }),
});
const toolChoice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({ type: z.literal("function"), function: z.looseObject({ name: text }) }),
]);
const responseFormat = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text") }),
  z.looseObject({ type: z.literal("json_object") }),
  z.looseObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({ name: functionName, schema: jsonSchema.optional() }),
  }),
]);

const tokenLimit = z.int().min(1).max(1_000_000).nullish();
const metadata = z
  .record(text.max(64), text.max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, "has more than 16 pairs")
  .nullish();

const sampling = {
  model: text,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(16).nullish(),
  max_tokens: tokenLimit,
  stop: z.union([text, z.array(text.min(1)).max(4)]).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  seed: z.int().nullish(),
  metadata,
};

const chatSchema = z.looseObject({
  ...sampling,
  messages: z.array(message).min(1).max(10_000),
  max_completion_tokens: tokenLimit,
  tools: z.array(tool).min(1).max(128).optional(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: responseFormat.nullish(),
});

const tokenIds = z.array(z.int().min(0)).min(1);
const completionSchema = z.looseObject({
  ...sampling,
  prompt: z.union([text, z.array(text).min(1).max(16), tokenIds, z.array(tokenIds).min(1).max(16)]),
});

const embeddingSchema = z.looseObject({
  model: text,
  input: z.union([text.min(1), z.array(text.min(1)).min(1).max(2_048), tokenIds, z.array(tokenIds).min(1).max(2_048)]),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).max(512).nullish(),
  metadata,
});

const moderationPart = z.discriminatedUnion("type", [
  textPart,
  z.looseObject({ type: z.literal("image_url"), image_url: z.looseObject({ url: text.min(1) }) }),
]);
const moderationSchema = z.looseObject({
  model: text,
  input: z.union([text, z.array(text).min(1).max(2_048), z.array(moderationPart).min(1).max(2_048)]),
  metadata,
});

const rerankSchema = z.looseObject({
  model: text,
  query: text.min(1),
  documents: z
    .array(z.union([text, z.looseObject({ text })]))
    .min(1)
    .max(1_000),
  top_n: z.int().min(1).nullish(),
  return_documents: z.boolean().nullish(),
  metadata,
});

export type ModerationRequest = z.output<typeof moderationSchema>;
export type RerankRequest = z.output<typeof rerankSchema>;
export type ChatMessage = z.output<typeof message>;
export type ChatTool = z.output<typeof tool>;
export type ChatRequest = z.output<typeof chatSchema>;
export type CompletionRequest = z.output<typeof completionSchema>;
export type EmbeddingRequest = z.output<typeof embeddingSchema>;

/** Fields of the API that change an answer in ways the simulated models cannot; refused rather than overlooked. */
const unsupported = ["functions", "function_call", "logprobs", "audio", "suffix", "echo", "best_of"];

function parse<Schema extends z.ZodType<{ [field: string]: unknown }>>(schema: Schema, body: object): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    const { param, reason } = describeIssue(parsed.error.issues, []);
    throw badRequest(param, `Invalid value for '${param}': ${reason}.`, "invalid_value");
  }
  for (const field of unsupported) {
    const value = parsed.data[field];
    if (value === undefined || value === null || value === false) continue;
    throw badRequest(
      field,
      `Unsupported parameter: '${field}' is not supported with simulated models.`,
      "unsupported_parameter",
    );
  }
  return parsed.data;
}

/** The first rule broken. Of several allowed shapes, the one that the value came furthest with is explained. */
function describeIssue(
  issues: readonly z.core.$ZodIssue[],
  path: readonly PropertyKey[],
): { param: string; reason: string } {
  const issue = issues[0];
  const fullPath = [...path, ...(issue?.path ?? [])];
  if (issue?.code === "invalid_union" && issue.errors.length > 0) {
    const reach = (branch: readonly z.core.$ZodIssue[]) => branch[0]?.path.length ?? 0;
    const furthest = issue.errors.reduce((best, branch) => (reach(branch) > reach(best) ? branch : best));
    return describeIssue(furthest, fullPath);
  }
  const param = fullPath.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return { param: param.slice(1), reason: issue?.message ?? "" };
}

function checkStreamOptions(request: { stream?: unknown; stream_options?: unknown }): void {
  if (!request.stream_options || request.stream === true) return;
  throw badRequest("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
}

/** Each call of an assistant message is answered by tool messages that follow it at once, and nothing else is. */
function checkToolMessages(messages: readonly ChatMessage[]): void {
  const open = new Set<string>();
  messages.forEach((current, index) => {
    const param = `messages[${index}].role`;
    if (current.role === "tool") {
      if (open.delete(current.tool_call_id)) return;
      throw badRequest(param, "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'.");
    }
    refuseOpenCalls(open, param);
    if (current.role === "assistant") for (const call of current.tool_calls ?? []) open.add(call.id);
  });
  refuseOpenCalls(open, "messages");
}

function refuseOpenCalls(open: ReadonlySet<string>, param: string): void {
  if (open.size === 0) return;
  const rule =
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'.";
  throw badRequest(
    param,
    `${rule} The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
  );
}

/** Of tools that are offered, and of those that were called. */
function checkToolNames({ tools = [], messages }: ChatRequest, rule: RegExp): void {
  const check = (name: string, param: string) => {
    if (!rule.test(name)) throw badRequest(param, `Invalid '${param}': it must match ${rule.source}.`);
  };
  for (const [n, one] of tools.entries()) check(one.function.name, `tools[${n}].function.name`);
  for (const [n, message] of messages.entries()) {
    const calls = message.role === "assistant" ? (message.tool_calls ?? []) : [];
    for (const [at, call] of calls.entries())
      check(call.function.name, `messages[${n}].tool_calls[${at}].function.name`);
  }
}

function checkTools(request: ChatRequest): void {
  const choice = request.tool_choice;
  if (!choice) return;
  if (!request.tools) throw badRequest("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.");
  if (typeof choice === "string" || request.tools.some((one) => one.function.name === choice.function.name)) return;
  throw badRequest("tool_choice", `Tool choice '${choice.function.name}' not found in 'tools' parameter.`);
}

/** A chat request that keeps the API's rules, and its vendor's for names of tools. Throws a WireError 400 that names the first rule broken. */
export function parseChatRequest(body: object, toolNames = functionNames): ChatRequest {
  const request = parse(chatSchema, body);
  checkStreamOptions(request);
  checkToolMessages(request.messages);
  checkTools(request);
  checkToolNames(request, toolNames);
  if (request.max_tokens && request.max_completion_tokens) {
    const rule = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
    throw badRequest("max_tokens", rule, "invalid_parameter_combination");
  }
  const isAboutJson = request.messages.some((one) => /json/i.test(textOf(one.content)));
  if (request.response_format?.type === "json_object" && !isAboutJson) {
    const rule =
      "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
    throw badRequest("messages", rule);
  }
  return request;
}

/** A completion request that keeps the API's rules. Throws a WireError 400 otherwise. */
export function parseCompletionRequest(body: object): CompletionRequest {
  const request = parse(completionSchema, body);
  checkStreamOptions(request);
  return request;
}

/** An embedding request that keeps the API's rules. Throws a WireError 400 otherwise. */
export function parseEmbeddingRequest(body: object): EmbeddingRequest {
  return parse(embeddingSchema, body);
}

/** A moderation request that keeps the API's rules. Throws a WireError 400 otherwise. */
export function parseModerationRequest(body: object): ModerationRequest {
  return parse(moderationSchema, body);
}

/** A rerank request that keeps the API's rules. Throws a WireError 400 otherwise. */
export function parseRerankRequest(body: object): RerankRequest {
  return parse(rerankSchema, body);
}

/** The JSON object in `bytes`. Throws a WireError 400 otherwise. */
export function parseJsonObject(bytes: Buffer): { readonly model?: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw badRequest(null, "We could not parse the JSON body of your request.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(null, "The body of your request must be a JSON object.");
  }
  return value;
}

/** The text of a message's content; parts that are not text are left out. */
export function textOf(value: ChatMessage["content"]): string {
  if (typeof value === "string") return value;
  return (value ?? []).map((part) => (part.type === "text" ? part.text : "")).join("");
}
