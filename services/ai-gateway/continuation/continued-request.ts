import { type CallRequest, readRequest } from "../call/read-request.ts";
import { parseExact } from "../dialects/exact-json.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Prefill } from "./prefill.ts";

/** Of what nobody else can go on with: the thoughts, sounds and probabilities of another model, and shapes that have to fit as a whole. */
const hindrances = [
  "reasoning_effort",
  "reasoning",
  "thinking",
  "enable_thinking",
  "audio",
  "logprobs",
  "top_logprobs",
];

/** True for a streamed chat whose answer another target could go on with, as long as it shows text alone. */
export function canBeContinued({ surface, isStream, choices, json }: CallRequest): boolean {
  if (surface !== "chat" || !isStream || choices !== 1) return false;
  if (hindrances.some((name) => isAsked(json[name]))) return false;
  const format = fieldOf(json["response_format"], "type");
  if (format !== undefined && format !== "text") return false;
  const last = lastOf(json["messages"]);
  return fieldOf(last, "role") !== "assistant" || typeof fieldOf(last, "content") === "string";
}

function isAsked(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== "none";
}

/**
 * The request of a call whose answer has begun with `text`, for a target that goes on with it. Undefined where its limit leaves nothing to
 * be said after the `outputTokens` that were.
 */
export function toContinuedRequest(
  request: CallRequest,
  { text, outputTokens }: { readonly text: string; readonly outputTokens: number },
  { ofMessage, ofBody, isTrimmed }: Prefill,
): CallRequest | undefined {
  const own = request.outputLimit;
  const leftTokens = own && own.tokens - outputTokens;
  if (leftTokens !== undefined && leftTokens < 1) return undefined;
  const exact = parseExact(request.body.toString("utf8")) as Record<string, unknown>;
  const messages = exact["messages"] as readonly object[];
  const last = lastOf(messages);
  const isBegun = fieldOf(last, "role") === "assistant";
  const said = isBegun ? `${fieldOf(last, "content")}${text}` : text;
  const content = isTrimmed ? said.trimEnd() : said;
  if (content === "") return undefined;
  const body = {
    ...{ ...exact, ...ofBody },
    messages: [...(isBegun ? messages.slice(0, -1) : messages), { role: "assistant", content, ...ofMessage }],
    ...(own?.field !== undefined && { [own.field]: leftTokens }),
  };
  const read = readRequest("chat", Buffer.from(JSON.stringify(body)));
  const outputLimit = own && leftTokens !== undefined ? { field: own.field, tokens: leftTokens } : undefined;
  return { ...read, outputLimit, wantsUsage: request.wantsUsage };
}

function lastOf(messages: unknown): unknown {
  return Array.isArray(messages) ? messages.at(-1) : undefined;
}
