import { createHash } from "node:crypto";
import type { CallRequest } from "../call/read-request.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { findFields } from "../dialects/openai/json-fields.ts";
import { type SseEvent, toEvent } from "../dialects/openai/sse.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { ToolNameRule, Wire, WireAnswer } from "./wire.ts";

type Json = Readonly<Record<string, unknown>>;

/** What vendors say of a tool's name; all others are theirs who speak as one of these does. */
export const toolNameRules = {
  /** platform.openai.com/docs/api-reference/chat/create, `tools.function.name`. */
  openai: { other: /[^a-zA-Z0-9_-]/gu, maxLength: 64 },
  /** What its API answers with 400: `^[a-zA-Z0-9_-]{1,128}$`. */
  anthropic: { other: /[^a-zA-Z0-9_-]/gu, maxLength: 128 },
  /** ai.google.dev/api/caching#FunctionDeclaration; Vertex AI takes no colons. */
  gemini: { other: /[^a-zA-Z0-9_.-]/gu, maxLength: 64, isWordFirst: true },
  /** docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html. */
  bedrock: { other: /[^a-zA-Z0-9_-]/gu, maxLength: 64 },
  /** docs.cohere.com/reference/errors. It names no length: the shortest of the others'. */
  cohere: { other: /[^a-zA-Z0-9_]/gu, maxLength: 64, isWordFirst: true },
} satisfies Record<string, ToolNameRule>;

/** Names of tools that their caller has given, by those that they have at a provider. */
export type GivenNames = ReadonlyMap<string, string>;

/** A request whose tools have names that its provider takes. */
export interface FittedRequest {
  readonly request: CallRequest;
  /** Undefined where none had to be another. */
  readonly given: GivenNames | undefined;
}

/**
 * A chat request with names of tools as `rule` has them. The same tools have the same names in every turn of a conversation, and no two
 * have one. Where all names fit it keeps its bytes.
 */
export function fitToolNames(request: CallRequest, rule: ToolNameRule | undefined): FittedRequest {
  if (request.surface !== "chat" || !rule) return { request, given: undefined };
  const fitting = toFittingNames(namesIn(request.json), rule);
  if (fitting.size === 0) return { request, given: undefined };
  const sent = renameAll(parseExact(request.body.toString("utf8")) as Json, fitting);
  const body = Buffer.from(JSON.stringify(sent));
  const fields = findFields(body, new Set(request.fields.keys())) ?? request.fields;
  const given = new Map([...fitting].map(([name, fit]) => [fit, name]));
  return { request: { ...request, body, fields, json: renameAll(request.json, fitting) }, given };
}

/** The names that have to be others, and what they are then. */
function toFittingNames(names: ReadonlySet<string>, { other, maxLength, isWordFirst }: ToolNameRule) {
  const fitting = new Map<string, string>();
  const odd: [name: string, plain: string][] = [];
  const taken = new Set<string>();
  for (const name of names) {
    const replaced = name.replace(other, "_");
    const plain = isWordFirst && !/^[a-zA-Z_]/.test(replaced) ? `_${replaced}` : replaced;
    if (plain === name && name.length <= maxLength) taken.add(name);
    else odd.push([name, plain]);
  }
  for (const [name, plain] of odd) {
    let fit = plain;
    for (let n = 0; fit.length > maxLength || taken.has(fit); n++) {
      const mark = `_${createHash("sha256").update(`${n} ${name}`).digest("hex").slice(0, 8)}`;
      fit = plain.slice(0, maxLength - mark.length) + mark;
    }
    taken.add(fit);
    fitting.set(name, fit);
  }
  return fitting;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function nameOf(named: unknown): string | undefined {
  const name = fieldOf(fieldOf(named, "function"), "name");
  return typeof name === "string" && name !== "" ? name : undefined;
}

/** Of tools that may be called, and of those that were, which may be offered no more. */
function namesIn({ tools, messages }: Json): ReadonlySet<string> {
  const calls = listOf(messages).flatMap((message) => listOf(fieldOf(message, "tool_calls")));
  return new Set([...listOf(tools), ...calls].flatMap((named) => nameOf(named) ?? []));
}

function renameAll(json: Json, names: ReadonlyMap<string, string>): Json {
  const { tools, tool_choice: choice, messages } = json;
  return {
    ...json,
    ...(Array.isArray(tools) && { tools: tools.map((tool) => rename(tool, names)) }),
    ...(typeof choice === "object" && choice !== null && { tool_choice: renameChoice(choice, names) }),
    ...(Array.isArray(messages) && { messages: messages.map((message) => renameCalls(message, names)) }),
  };
}

/** One tool, or those among which is to be chosen. */
function renameChoice(choice: unknown, names: ReadonlyMap<string, string>): unknown {
  const allowed = fieldOf(choice, "allowed_tools");
  const tools = fieldOf(allowed, "tools");
  if (!Array.isArray(tools)) return rename(choice, names);
  return { ...Object(choice), allowed_tools: { ...Object(allowed), tools: tools.map((tool) => rename(tool, names)) } };
}

/** A tool, a call or a choice, each of which has its name in `function`. */
function rename(named: unknown, names: ReadonlyMap<string, string>): unknown {
  const other = names.get(nameOf(named) ?? "");
  return other === undefined
    ? named
    : { ...Object(named), function: { ...Object(fieldOf(named, "function")), name: other } };
}

function renameCalls(message: unknown, names: ReadonlyMap<string, string>): unknown {
  const calls = fieldOf(message, "tool_calls");
  if (!Array.isArray(calls)) return message;
  return { ...Object(message), tool_calls: calls.map((call) => rename(call, names)) };
}

/** What `wire` reads, with the names that the caller has given. */
export function withGivenNames(wire: Wire, given: GivenNames): Wire {
  return {
    ...wire,
    toAnswer: (body, json, facts) => restore(wire.toAnswer(body, json, facts), given),
    createStream(facts) {
      const stream = wire.createStream(facts);
      return { read: (event) => stream.read(event).map((one) => restoreEvent(one, given)) };
    },
  };
}

function restore(answer: WireAnswer, given: GivenNames): WireAnswer {
  if (!callsAny(answer.json, given)) return answer;
  const body = Buffer.from(JSON.stringify(restoreChoices(parseExact(answer.body.toString("utf8")), given)));
  return { ...answer, body, json: restoreChoices(answer.json, given) };
}

function restoreEvent(event: SseEvent, given: GivenNames): SseEvent {
  // Most chunks call nothing, and are not parsed twice.
  if (!event.data?.includes('"tool_calls"')) return event;
  let json: unknown;
  try {
    json = parseExact(event.data);
  } catch {
    // For who reads the stream to judge.
    return event;
  }
  if (!callsAny(json, given)) return event;
  return toEvent(Buffer.from(`data: ${JSON.stringify(restoreChoices(json, given))}\n\n`));
}

const parts = ["message", "delta"] as const;

function callsAny(json: unknown, given: GivenNames): boolean {
  const said = listOf(fieldOf(json, "choices")).flatMap((choice) => parts.map((part) => fieldOf(choice, part)));
  return said.some((one) => listOf(fieldOf(one, "tool_calls")).some((call) => given.has(nameOf(call) ?? "")));
}

function restoreChoices(json: unknown, given: GivenNames): object {
  const choices = listOf(fieldOf(json, "choices")).map((choice) => {
    const said = parts.flatMap((part) => {
      const value = fieldOf(choice, part);
      return value === undefined ? [] : [[part, renameCalls(value, given)] as const];
    });
    return { ...Object(choice), ...Object.fromEntries(said) };
  });
  return { ...Object(json), choices };
}
