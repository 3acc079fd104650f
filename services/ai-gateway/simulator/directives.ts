import { z } from "zod";
import { badRequest, type SimulatedErrorName, simulatedErrors } from "./wire-error.ts";

/** The longest that one request is kept waiting, and the most tokens that one request produces. */
export const waitLimitMs = 600_000;
export const answerTokensLimit = 100_000;
const padBytesLimit = 64 * 1024 * 1024;

function count(limit: number) {
  const reason = `must be a whole number from 0 to ${limit}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, reason)
    .transform(Number)
    .pipe(z.number().max(limit, reason))
    .optional();
}

const flag = z
  .enum(["true", "false"])
  .transform((value) => value === "true")
  .optional();
const headerValue = z
  .string()
  .regex(/^[\x20-\x7e]{1,200}$/, "must be 1 to 200 printable ASCII characters")
  .optional();

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names).optional();
}

const errorNames = Object.keys(simulatedErrors) as [SimulatedErrorName, ...SimulatedErrorName[]];

const directives = {
  tokens: count(answerTokensLimit),
  finish_reason: oneOf(["stop", "length", "content_filter", "null"]),
  cached_tokens: count(answerTokensLimit),
  reasoning_tokens: count(answerTokensLimit),
  ignore_limits: flag,

  delay_ms: count(waitLimitMs),
  token_delay_ms: count(60_000),
  hang: flag,

  error: z.enum(errorNames).optional(),
  retry_after: headerValue,
  retry_after_ms: headerValue,
  times: count(1_000),
  body: oneOf(["error", "html", "empty", "garbage"]),
  content_type: headerValue,
  pad_bytes: count(padBytesLimit),

  cut_after_tokens: count(answerTokensLimit),
  end_after_tokens: count(answerTokensLimit),
  stall_after_tokens: count(answerTokensLimit),
  close_code: count(4_999),
  stream_error_after_tokens: count(answerTokensLimit),
  stream_error_style: oneOf(["openai", "event", "openrouter"]),

  usage: oneOf(["none", "zero", "every_chunk"]),
  split_bytes: count(65_536),
  sse: oneOf(["crlf", "bom", "comments", "multiline", "no_space", "no_last_blank_line"]),
  quirk: oneOf(["azure", "whole_tool_calls", "no_tool_index"]),

  batch_ms: count(86_400_000),
  batch_end: oneOf(["completed", "expired", "failed"]),

  video_ms: count(86_400_000),
  video_end: oneOf(["completed", "failed"]),
};

/** The names that may follow `simulate.`, in the README's order. */
export const directiveNames: readonly string[] = Object.keys(directives);

const schema = z.strictObject(directives);

/** How one request wants to be answered. Everything absent means: like a well-behaved vendor. */
export type Behaviour = z.output<typeof schema>;

const prefix = "simulate.";

/** `simulate.` words of a text; a value ends with a word character, so that a full stop may follow it. */
const directiveWord = /(?<![\w.])simulate\.(\w{1,40})=([\w:;,/+.=-]{0,199}\w)/g;

/**
 * Reads directives: those of the installation first, over them `simulate.name=value` words of `text`, over them the
 * request's `metadata`. Throws a WireError 400 that names an unknown directive or an unfit value.
 */
export function parseBehaviour(
  defaults: Readonly<Record<string, string>>,
  text: string,
  metadata: Readonly<Record<string, string>>,
): Behaviour {
  const pairs = [...prefixed(defaults), ...wordsOf(text), ...prefixed(metadata)];
  const parsed = schema.safeParse(Object.fromEntries(pairs));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === "unrecognized_keys") {
    const names = directiveNames.join(", ");
    throw badRequest("metadata", `There is no directive 'simulate.${issue.keys[0]}'. Known: ${names}.`);
  }
  throw badRequest("metadata", `Directive 'simulate.${issue?.path.join(".")}': ${issue?.message}.`);
}

type Pairs = readonly (readonly [name: string, value: string])[];

function prefixed(record: Readonly<Record<string, string>>): Pairs {
  const own = Object.entries(record).filter(([key]) => key.startsWith(prefix));
  return own.map(([key, value]) => [key.slice(prefix.length), value]);
}

function wordsOf(text: string): Pairs {
  return [...text.matchAll(directiveWord)].map(([, name = "", value = ""]) => [name, value]);
}
