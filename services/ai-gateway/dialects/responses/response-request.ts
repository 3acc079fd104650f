import { parseBodyExact } from "../../call/parse-body.ts";
import { type CallRequest, readRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { toFunctionChoice } from "../function-tool.ts";
import {
  type Fields,
  isAbsent,
  readFlag,
  readInteger,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../request-fields.ts";
import { readInputItems, toChatMessages } from "./response-input.ts";
import { type PlacedItem, readTools, toChatName } from "./response-tools.ts";

/** A request of `POST /v1/responses` before what it goes on from is known. */
export interface ResponseRequest {
  readonly json: Fields;
  readonly isStream: boolean;
  /** Answered at once, and served without its caller. */
  readonly isBackground: boolean;
  readonly isStored: boolean;
  readonly previousResponseId: string | undefined;
  readonly outputLimit: number | undefined;
}

const known = new Set([
  // What a client says of itself, such as Codex of its session, does not change the answer.
  ...[
    "client_metadata",
    "background",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
  ],
  ...["parallel_tool_calls", "previous_response_id", "prompt_cache_key", "prompt_cache_retention", "reasoning"],
  ...["safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice"],
  ...["tools", "top_logprobs", "top_p", "truncation", "user"],
]);
const maxOutputTokens = 10_000_000;

/** Reads what decides. Throws `invalid_json`, or `invalid_request` naming the field. */
export function readResponseRequest(body: Buffer): ResponseRequest {
  const json = parseBodyExact(body);
  const flag = (name: string) => readOptional(json[name], name, readFlag);
  const isStream = flag("stream") ?? false;
  const isBackground = flag("background") ?? false;
  const isStored = flag("store") ?? true;
  if (isBackground && !isStored) {
    throw refuseField("store", "must not be false with 'background'", "与“background”同用时不能为 false");
  }
  readMetadata(json["metadata"]);
  return {
    ...{ json, isStream, isBackground, isStored },
    previousResponseId: readOptional(json["previous_response_id"], "previous_response_id", readText),
    outputLimit: readOptional(json["max_output_tokens"], "max_output_tokens", (value, path) =>
      readInteger(value, path, 1, maxOutputTokens),
    ),
  };
}

/** The request in chat's form. `history` are the items of the responses that it goes on from, `input` its own. */
export function toCallRequest(
  { json, isStream, outputLimit }: ResponseRequest,
  history: readonly Fields[],
  input: readonly Fields[],
): CallRequest {
  refuseOthers(json, known, "");
  refuseLogprobs(json);
  if (!isAbsent(json["truncation"])) readOneOf(json["truncation"], "truncation", ["disabled"]);
  const instructions = readOptional(json["instructions"], "instructions", readText) ?? "";
  const items = toPlacedItems(history, input);
  const system = instructions === "" ? [] : [{ role: "system", content: instructions }];
  const chat = {
    model: readText(json["model"], "model"),
    messages: [...system, ...toChatMessages(items)],
    stream: isStream,
    ...toChatTools(json, items),
    ...readFormat(json["text"]),
    ...readSampling(json),
  };
  const request = readRequest("chat", Buffer.from(JSON.stringify(chat)));
  return { ...request, outputLimit: outputLimit === undefined ? undefined : { field: undefined, tokens: outputLimit } };
}

/** All items that are asked about, each with where it was given. Throws `invalid_request` where there are none. */
export function toPlacedItems(history: readonly Fields[], input: readonly Fields[]): readonly PlacedItem[] {
  const items = [
    ...history.map((item) => ({ item, path: "previous_response_id" })),
    ...input.map((item, index) => ({ item, path: `input[${index}]` })),
  ];
  if (items.length === 0) throw refuseField("input", "must not be empty", "不能为空");
  return items;
}

/** A request's own items. Throws `invalid_request` for what is no list of objects. */
export function inputOf({ json }: ResponseRequest, prefix: string): readonly Fields[] {
  return isAbsent(json["input"]) ? [] : readInputItems(json["input"], prefix);
}

function readMetadata(value: unknown): void {
  const metadata = readOptional(value, "metadata", readObject) ?? {};
  const pairs = Object.entries(metadata);
  const isFit = pairs.every(([key, text]) => key.length <= 64 && typeof text === "string" && text.length <= 512);
  if (isFit && pairs.length <= 16) return;
  throw refuseField(
    "metadata",
    "must have at most 16 texts of at most 512 characters, under names of at most 64",
    "最多 16 项，名称不超过 64 个字符，值为不超过 512 个字符的文本",
  );
}

/** What is included of tools that do not run here, and of thoughts that no provider has sealed, is nothing. */
function refuseLogprobs(json: Fields): void {
  const include = readOptional(json["include"], "include", readList) ?? [];
  const at = include.indexOf("message.output_text.logprobs");
  if (at >= 0) throw unsupported(`include[${at}]`);
  if (json["top_logprobs"]) throw unsupported("top_logprobs");
}

function toChatTools(json: Fields, items: readonly PlacedItem[]): Fields {
  const tools = readTools(json, items).chat;
  if (tools.length === 0) return {};
  const choice = json["tool_choice"];
  const parallel = readOptional(json["parallel_tool_calls"], "parallel_tool_calls", readFlag);
  return {
    tools,
    ...(!isAbsent(choice) && { tool_choice: toChatChoice(choice) }),
    ...(parallel !== undefined && { parallel_tool_calls: parallel }),
  };
}

function toChatChoice(value: unknown): unknown {
  if (typeof value === "string") return readOneOf(value, "tool_choice", ["auto", "none", "required"]);
  const choice = readObject(value, "tool_choice");
  refuseOthers(choice, new Set(["type", "name", "namespace"]), "tool_choice");
  readOneOf(choice["type"], "tool_choice.type", ["function", "custom"]);
  const namespace = readOptional(choice["namespace"], "tool_choice.namespace", readText);
  return toFunctionChoice(toChatName(readText(choice["name"], "tool_choice.name"), namespace));
}

function readFormat(value: unknown): Fields {
  const text = readOptional(value, "text", readObject) ?? {};
  refuseOthers(text, new Set(["format", "verbosity"]), "text");
  const verbosity = readOptional(text["verbosity"], "text.verbosity", readText);
  const format = readOptional(text["format"], "text.format", readObject);
  return {
    ...(verbosity !== undefined && { verbosity }),
    ...(format && { response_format: toChatFormat(format) }),
  };
}

function toChatFormat(format: Fields): object {
  const type = readOneOf(format["type"], "text.format.type", ["text", "json_object", "json_schema"]);
  if (type !== "json_schema") return { type };
  const { type: _, ...rest } = format;
  refuseOthers(rest, new Set(["name", "schema", "strict", "description"]), "text.format");
  readText(rest["name"], "text.format.name");
  readObject(rest["schema"], "text.format.schema");
  return { type, json_schema: rest };
}

function readSampling(json: Fields): Fields {
  const reasoning = readOptional(json["reasoning"], "reasoning", readObject) ?? {};
  // How thoughts are summed up is for the provider to say: what it tells of them is shown, as a summary where one is asked for. Which of
  // them are told again is nothing where none are.
  refuseOthers(reasoning, new Set(["effort", "summary", "generate_summary", "context"]), "reasoning");
  const effort = readOptional(reasoning["effort"], "reasoning.effort", readText);
  const numbers = ["temperature", "top_p"].map((name) => [name, readOptional(json[name], name, readNumber)]);
  const names = ["service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user"];
  const texts = names.map((name) => [name, readOptional(json[name], name, readText)]);
  const given = [...numbers, ...texts, ["reasoning_effort", effort]].filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}
