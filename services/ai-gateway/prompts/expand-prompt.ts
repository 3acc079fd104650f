import { parseBodyExact } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { missingParameters, type ParameterDialect } from "../call-defaults/parameters.ts";
import { type Fields, isAbsent, readList, readOptional, readText } from "../dialects/request-fields.ts";
import { type PromptDeps, type RenderedPrompt, renderChosen } from "./prompt-ops.ts";
import { type PromptMessage, textsOf, toAnthropicContent, toResponsesContent } from "./prompt-parts.ts";
import { missingTools } from "./prompt-tools.ts";
import type { PromptValues } from "./render-prompt.ts";

/** Dialects whose requests may begin with a prompt. */
export type PromptedDialect = Exclude<ParameterDialect, "gemini">;

/** A request that is written out, and the prompt that it began with; undefined for none. */
export interface OpenedRequest {
  readonly body: Buffer;
  readonly prompt: { readonly name: string; readonly version: number } | undefined;
}

const maxVariables = 100;
const maxValueLength = 1_000_000;

/**
 * A request's body with what its `prompt` (`{id, version, variables}`, as OpenAI's Responses API has it) stands for: messages before
 * the caller's own, and a model, parameters, tools and a form of the answer where the caller names none. A body without one stays as it is, byte for byte; of one
 * with a prompt numbers are written as they came. Throws `invalid_json`, `invalid_request`, `prompt_not_found`,
 * `prompt_version_not_found` and `prompt_variables`.
 */
export async function expandPrompt(
  deps: PromptDeps,
  tenantId: string,
  dialect: PromptedDialect,
  body: Buffer,
): Promise<OpenedRequest> {
  if (!body.includes('"prompt"')) return { body, prompt: undefined };
  const { prompt, ...json } = parseBodyExact(body);
  if (isAbsent(prompt)) return { body, prompt: undefined };
  const chosen = readPrompt(prompt);
  const rendered = await renderChosen(deps, { tenantId, ...chosen });
  const own = withMessages[dialect](rendered.messages, json);
  const opened = { ...defaultsOf(rendered, dialect, json), ...own, ...missingTools(rendered, dialect, json) };
  return { body: Buffer.from(JSON.stringify(opened)), prompt: { name: chosen.name, version: rendered.version } };
}

function readPrompt(prompt: unknown) {
  const { id, version, variables = {}, ...unknown } = isObject(prompt) ? prompt : { id: undefined };
  if (typeof id !== "string" || Object.keys(unknown).length > 0) {
    throw refuseField(
      "prompt",
      "must be an object with id, version and variables",
      "必须是含 id、version 和 variables 的对象",
    );
  }
  if (!isAbsent(version) && typeof version !== "string")
    throw refuseField("prompt.version", "must be a text: a number or a label", "必须是文本：版本号或标签");
  return { name: id, version: version ?? undefined, variables: readVariables(variables ?? {}) };
}

function readVariables(given: unknown): PromptValues {
  const pairs = isObject(given) ? Object.entries(given) : [];
  if (!isObject(given) || pairs.length > maxVariables) {
    throw refuseField(
      "prompt.variables",
      `must be an object of at most ${maxVariables} texts`,
      `必须是至多含 ${maxVariables} 个文本的对象`,
    );
  }
  const values = pairs.map(([name, value]) => [name, readValue(name, value)] as const);
  if (values.reduce((sum, [, value]) => sum + value.length, 0) > maxValueLength) {
    throw refuseField(
      "prompt.variables",
      `may hold ${maxValueLength} characters together`,
      `合计不得超过 ${maxValueLength} 个字符`,
    );
  }
  return Object.fromEntries(values);
}

/** A text, or a part of the Responses API that is one. */
function readValue(name: string, value: unknown): string {
  const text = isObject(value) && value["type"] === "input_text" ? value["text"] : value;
  return readText(text, `prompt.variables.${name.slice(0, 64)}`);
}

function defaultsOf({ model, parameters }: RenderedPrompt, dialect: PromptedDialect, json: Fields): Fields {
  const { seed } = parameters;
  const hasSeed = seed !== undefined && dialect === "chat" && isAbsent(json["seed"]);
  return {
    ...(model !== undefined && { model }),
    ...(hasSeed && { seed }),
    ...missingParameters(parameters, dialect, json),
  };
}

/** The caller's body with the prompt's messages before its own. */
const withMessages: Readonly<Record<PromptedDialect, (messages: readonly PromptMessage[], json: Fields) => Fields>> = {
  chat: (messages, json) => ({ ...json, messages: [...messages, ...listOf("messages", json["messages"])] }),

  messages(messages, json) {
    const texts = messages.filter(isInstruction).flatMap(({ content }) => textsOf(content));
    const instructions = texts.map((text) => ({ type: "text", text }));
    const said = messages.filter((message) => !isInstruction(message));
    const { system } = json;
    const own = typeof system === "string" ? [{ type: "text", text: system }] : listOf("system", system);
    return {
      ...json,
      ...(instructions.length > 0 && { system: [...instructions, ...own] }),
      messages: [
        ...said.map(({ role, content }) => ({ role, content: toAnthropicContent(content) })),
        ...listOf("messages", json["messages"]),
      ],
    };
  },

  responses(messages, json) {
    const { input } = json;
    const own = typeof input === "string" ? [{ role: "user", content: input }] : listOf("input", input);
    const before = messages.map((message) => ({ role: message.role, content: toResponsesContent(message) }));
    return { ...json, input: [...before, ...own] };
  },
};

function isInstruction({ role }: PromptMessage): boolean {
  return role === "system" || role === "developer";
}

function listOf(field: string, value: unknown): readonly unknown[] {
  return readOptional(value, field, readList) ?? [];
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
