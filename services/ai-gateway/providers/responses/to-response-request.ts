import { parseBodyExact } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
import {
  type Fields,
  isAbsent,
  readFlag,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { refuseUnread } from "../asked-fields.ts";
import { readFunctionTool, readToolChoice } from "../read-chat.ts";
import type { WireProvider } from "../wire.ts";
import { toResponseInput } from "./to-response-input.ts";

const read = [
  ...["model", "messages", "max_tokens", "max_completion_tokens", "stream", "temperature", "top_p"],
  ...["tools", "tool_choice", "parallel_tool_calls", "response_format", "verbosity", "reasoning_effort"],
  // Chat has no word for summaries of thoughts; OpenRouter's `reasoning` is this API's own object.
  "reasoning",
];
/** They are called the same there. */
const same = [
  ...["user", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata"],
];

/** Models that seal what they thought; others refuse to be asked for it (developers.openai.com/api/docs/guides/reasoning). */
const sealing = /^(o\d|gpt-5(?!.*-chat)|codex)/;

/**
 * A request in chat's form as one of the Responses API (developers.openai.com/api/reference/resources/responses). Nothing is kept at the
 * provider; what a model thought comes back sealed, to be told again. Numbers keep all their digits. Throws `invalid_request`
 * for a field that has no counterpart there and asks for something.
 */
export function toResponseRequest(
  { body, isStream, outputLimit }: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): Fields {
  const json = parseBodyExact(body);
  refuseUnread(json, [...read, ...same], [], provider);
  const numberOf = (name: string) => readOptional(json[name], name, readNumber);
  const given = {
    temperature: numberOf("temperature"),
    top_p: numberOf("top_p"),
    ...Object.fromEntries(same.map((name) => [name, json[name] ?? undefined])),
  };
  return {
    model: upstreamName,
    input: toResponseInput(json["messages"]),
    stream: isStream,
    store: false,
    ...(sealing.test(upstreamName) && { include: ["reasoning.encrypted_content"] }),
    ...(outputLimit && { max_output_tokens: outputLimit.tokens }),
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...toTools(json),
    ...toText(json),
    ...toReasoning(json),
  };
}

function toTools(json: Fields): Fields {
  const tools = readOptional(json["tools"], "tools", readList) ?? [];
  if (tools.length === 0) return {};
  const choice = readToolChoice(json["tool_choice"]);
  const isParallel = readOptional(json["parallel_tool_calls"], "parallel_tool_calls", readFlag);
  return {
    tools: tools.map((tool, n) => toTool(readObject(tool, `tools[${n}]`), `tools[${n}]`)),
    ...(choice !== undefined && {
      tool_choice: typeof choice === "object" ? { type: "function", name: choice.name } : choice,
    }),
    ...(isParallel !== undefined && { parallel_tool_calls: isParallel }),
  };
}

/** There a tool is strict unless it says otherwise, and in chat it is not. */
function toTool(tool: Fields, path: string): Fields {
  const { name, description, parameters, strict } = readFunctionTool(tool, path);
  return {
    type: "function",
    name,
    ...(description !== undefined && { description }),
    parameters: parameters ?? { type: "object", properties: {} },
    strict: strict ?? false,
  };
}

function toText(json: Fields): Fields {
  const verbosity = readOptional(json["verbosity"], "verbosity", readText);
  const format = toFormat(json["response_format"]);
  if (verbosity === undefined && !format) return {};
  return { text: { ...(format && { format }), ...(verbosity !== undefined && { verbosity }) } };
}

function toFormat(value: unknown): Fields | undefined {
  const format = readOptional(value, "response_format", readObject);
  if (!format) return undefined;
  const type = readOneOf(format["type"], "response_format.type", ["text", "json_object", "json_schema"]);
  if (type !== "json_schema") return { type };
  const path = "response_format.json_schema";
  const named = readObject(format["json_schema"], path);
  refuseOthers(named, new Set(["name", "description", "schema", "strict"]), path);
  return {
    type,
    name: readText(named["name"], `${path}.name`),
    ...(!isAbsent(named["description"]) && { description: readText(named["description"], `${path}.description`) }),
    schema: readObject(named["schema"], `${path}.schema`),
    strict: readOptional(named["strict"], `${path}.strict`, readFlag) ?? false,
  };
}

function toReasoning(json: Fields): Fields {
  const asked = readOptional(json["reasoning"], "reasoning", readObject) ?? {};
  refuseOthers(asked, new Set(["effort", "summary"]), "reasoning");
  const effort =
    readOptional(asked["effort"], "reasoning.effort", readText) ??
    readOptional(json["reasoning_effort"], "reasoning_effort", readText);
  const summary = readOptional(asked["summary"], "reasoning.summary", readText);
  if (effort === undefined && summary === undefined) return {};
  return {
    reasoning: { ...(effort !== undefined && { effort }), ...(summary !== undefined && { summary }) },
  };
}
