import type { Failure } from "@lyss/kit/errors/failure.ts";
import { type FieldRange, findFields, setFields } from "../dialects/openai/json-fields.ts";
import { fieldsAtPrice } from "../dialects/openai/native-refusals.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Form } from "../surfaces/multipart.ts";
import { makesImages, mayStream, type Surface, writesText } from "../surfaces/surface.ts";
import { type Units, unitsOf } from "../surfaces/units.ts";
import { parseBody } from "./parse-body.ts";
import { refuseField } from "./refuse-field.ts";

/** What of a request decides how it is routed, bounded and relayed. The rest goes upstream untouched. */
export interface CallRequest {
  readonly surface: Surface;
  readonly model: string;
  readonly isStream: boolean;
  /** True when the caller asked for the usage chunk; otherwise it is asked for anyway and taken out. */
  readonly wantsUsage: boolean;
  /** The caller's own limit of the answer, in the field it was written in; none yet in a request of another dialect. */
  readonly outputLimit: { readonly field: string | undefined; readonly tokens: number } | undefined;
  /** True where nothing in it can say how long the answer may be: there is money for the longest, or it is not asked. */
  readonly takesNoLimit?: boolean;
  /** Answers that are generated, and so charged. */
  readonly choices: number;
  /** Answers that come back. */
  readonly answers: number;
  /** What it uses besides tokens of text. */
  readonly units?: Units | undefined;
  /** What goes upstream in place of the body, which then has the fields of the form alone. */
  readonly form?: Form | undefined;
  /** The parsed body, for counting. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly fields: ReadonlyMap<string, FieldRange>;
}

const limitFields = ["max_completion_tokens", "max_tokens"] as const;
const decidingFields = new Set<string>([
  ...["model", "stream", "stream_options", "n", "best_of", "tools", ...limitFields],
  ...fieldsAtPrice,
]);
const maxChoices = 128;
export const maxOutputLimit = 10_000_000;

/** Reads a request of OpenAI's dialect. Throws `invalid_json` or `invalid_request` naming the field. */
export function readRequest(surface: Surface, body: Buffer): CallRequest {
  const json = parseBody(body);
  const fields = findFields(body, decidingFields);
  if (!fields)
    throw refuseField(
      "model",
      "each of model, stream, stream_options, n, tools, the token limits and what is paid apart may stand only once",
      "model、stream、stream_options、n、tools、各个 token 上限以及另行计费的字段只能各出现一次",
    );

  const { model, stream } = json;
  if (typeof model !== "string" || model === "" || model.length > 200) {
    throw refuseField(
      "model",
      "must be the name of a model; GET /v1/models lists them",
      "必须是模型名称，见 GET /v1/models",
    );
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    throw refuseField("stream", "must be true or false", "必须是 true 或 false");
  }
  requireContent(surface, json);
  const choices = readChoices(surface, json);
  if (makesImages(surface) && stream === true && choices.choices > 1) {
    throw refuseField("n", "must be 1 with stream", "与 stream 一起使用时必须为 1");
  }
  return {
    surface,
    model,
    isStream: surface === "speech" ? json["stream_format"] === "sse" : stream === true && mayStream(surface),
    wantsUsage: fieldOf(json["stream_options"], "include_usage") === true,
    outputLimit: writesText(surface) ? readOutputLimit(json) : undefined,
    ...choices,
    units: unitsOf(surface, json, choices.choices),
    json,
    body,
    fields,
  };
}

/** The body for the provider: the caller's bytes, with only what must differ replaced. */
export function toUpstreamBody(request: CallRequest, upstreamModel: string, outputTokens: number | undefined): Buffer {
  const values = new Map<string, string>();
  if (upstreamModel !== request.model) values.set("model", JSON.stringify(upstreamModel));
  if (request.isStream && !request.wantsUsage && writesText(request.surface)) {
    const options = request.json["stream_options"];
    const asked = typeof options === "object" && options !== null ? options : {};
    values.set("stream_options", JSON.stringify({ ...asked, include_usage: true }));
  }
  const own = request.outputLimit;
  // A limit that came in another dialect is not in the body yet.
  const limit = outputTokens ?? (own && own.field === undefined ? own.tokens : undefined);
  if (limit !== undefined) values.set(own?.field ?? limitFieldOf(request.surface, upstreamModel), String(limit));
  return values.size === 0 ? request.body : setFields(request.body, request.fields, values);
}

/** OpenAI's reasoning models refuse `max_tokens`; compatible servers know nothing else (developers.openai.com, reasoning guide). */
export function limitFieldOf(surface: Surface, upstreamModel: string): (typeof limitFields)[number] {
  return surface === "chat" && /^(o\d|gpt-5)/.test(upstreamModel) ? "max_completion_tokens" : "max_tokens";
}

function requireContent(surface: Surface, json: Readonly<Record<string, unknown>>): void {
  const { messages, prompt, input } = json;
  if (surface === "chat" && (!Array.isArray(messages) || messages.length === 0)) {
    throw refuseField("messages", "must be a list of at least one message", "必须是至少含一条消息的列表");
  }
  if (surface === "completions" && prompt === undefined) throw refuseField("prompt", "is missing", "为必填项");
  if (surface === "embeddings" && (input === undefined || input === null || input === "")) {
    throw refuseField("input", "must be a text, a list of texts, or tokens", "必须是文本、文本列表或 token 列表");
  }
  if (surface === "speech" && (typeof input !== "string" || input === "")) {
    throw refuseField("input", "must be a text", "必须是文本");
  }
  if ((surface === "imageGenerations" || surface === "imageEdits") && (typeof prompt !== "string" || prompt === "")) {
    throw refuseField("prompt", "must be a text", "必须是文本");
  }
  if (surface === "moderations") requireModerated(input);
  if (surface === "rerank") requireDocuments(json);
}

function requireModerated(input: unknown): void {
  if (typeof input === "string" || (Array.isArray(input) && input.length > 0)) return;
  throw refuseField(
    "input",
    "must be a text, or a list of texts, or of parts with text and images",
    "必须是文本、文本列表，或由文本和图片组成的列表",
  );
}

const maxDocuments = 10_000;

function requireDocuments({ query, documents }: Readonly<Record<string, unknown>>): void {
  if (typeof query !== "string" || query === "") throw refuseField("query", "must be a text", "必须是文本");
  const isList = Array.isArray(documents) && documents.length > 0 && documents.length <= maxDocuments;
  if (!isList || !documents.every((one) => typeof one === "string" || (typeof one === "object" && one !== null))) {
    throw refuseField(
      "documents",
      `must be a list of 1 to ${maxDocuments} texts, or of objects that hold one`,
      `必须是含 1 到 ${maxDocuments} 个文本（或含文本的对象）的列表`,
    );
  }
}

function readOutputLimit(json: Readonly<Record<string, unknown>>): CallRequest["outputLimit"] {
  const given = limitFields.flatMap((field) => {
    const tokens = json[field];
    if (tokens === undefined || tokens === null) return [];
    if (typeof tokens !== "number" || !Number.isInteger(tokens) || tokens < 0 || tokens > maxOutputLimit) {
      throw outOfRange(field, 0, maxOutputLimit);
    }
    return [{ field, tokens }];
  });
  // With both fields set, which of them a provider honours is its own affair: hold for the larger.
  return given.sort((a, b) => b.tokens - a.tokens)[0];
}

/** A completion answers each prompt of a list `n` times, and generates `best_of` answers for each to choose from. */
function readChoices(
  surface: Surface,
  json: Readonly<Record<string, unknown>>,
): { readonly choices: number; readonly answers: number } {
  if (!writesText(surface) && !makesImages(surface)) return { choices: 1, answers: 1 };
  const n = readCount(json, "n");
  if (makesImages(surface)) return { choices: n, answers: n };
  const { prompt } = json;
  const isList = surface === "completions" && Array.isArray(prompt) && typeof prompt[0] !== "number";
  const prompts = isList ? Math.max(1, prompt.length) : 1;
  return { choices: prompts * Math.max(n, readCount(json, "best_of")), answers: prompts * n };
}

function readCount(json: Readonly<Record<string, unknown>>, field: "n" | "best_of"): number {
  const value = json[field];
  if (value === undefined || value === null) return 1;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > maxChoices) {
    throw outOfRange(field, 1, maxChoices);
  }
  return value;
}

function outOfRange(param: string, least: number, most: number): Failure {
  return refuseField(param, `must be a whole number from ${least} to ${most}`, `必须是 ${least} 到 ${most} 的整数`);
}
