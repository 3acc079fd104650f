import { parseBodyExact } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
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
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { refuseUnread } from "../asked-fields.ts";
import { readFunctionTool, readStops, readToolChoice } from "../read-chat.ts";
import type { WireProvider } from "../wire.ts";

const read = [
  ...["model", "messages", "max_tokens", "max_completion_tokens", "stream", "stop", "temperature", "top_p", "top_k"],
  ...["tools", "tool_choice", "response_format", "reasoning_effort", "seed", "presence_penalty", "frequency_penalty"],
  // Cohere's own, which chat has no word for.
  ...["documents", "citation_options", "safety_mode", "strict_tools"],
];
/** Cohere says nothing to them, and several calls at once are the usual. */
const left = ["user", "service_tier"];

/**
 * A request in chat's form as one of Cohere's Chat. Numbers keep all their digits. Throws `invalid_request` for a field that has no
 * counterpart there and asks for something.
 */
export function toChatRequest(
  { body, isStream, outputLimit }: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): Fields {
  const json = parseBodyExact(body);
  const isParallel = json["parallel_tool_calls"] === true ? ["parallel_tool_calls"] : [];
  refuseUnread(json, read, [...left, ...isParallel], provider);
  return {
    model: upstreamName,
    messages: readList(json["messages"], "messages").map((item, n) => toMessage(item, `messages[${n}]`)),
    stream: isStream,
    ...(outputLimit && { max_tokens: outputLimit.tokens }),
    ...toSampling(json),
    ...toTools(json),
    ...toFormat(json["response_format"]),
    ...toThinking(json["reasoning_effort"]),
    ...toOwn(json),
  };
}

function toMessage(item: unknown, path: string): Fields {
  const message = readObject(item, path);
  const role = readOneOf(message["role"], `${path}.role`, ["system", "developer", "user", "assistant", "tool"]);
  const { content } = message;
  const at = `${path}.content`;
  if (role === "assistant") return toAssistant(message, path);
  if (role === "tool") {
    return {
      role,
      tool_call_id: readText(message["tool_call_id"], `${path}.tool_call_id`),
      content: toTexts(content, at),
    };
  }
  return role === "user" ? { role, content: toParts(content, at) } : { role: "system", content: toTexts(content, at) };
}

/** What it planned to do with tools is told back beside their calls. */
function toAssistant(message: Fields, path: string): Fields {
  const { content, refusal, tool_calls: calls, reasoning_content: plan } = message;
  const text = isAbsent(content) ? refusal : content;
  const called = isAbsent(calls) ? [] : readList(calls, `${path}.tool_calls`);
  return {
    role: "assistant",
    ...(!isAbsent(text) && text !== "" && { content: toTexts(text, `${path}.content`) }),
    ...(called.length > 0 && typeof plan === "string" && plan !== "" && { tool_plan: plan }),
    ...(called.length > 0 && {
      tool_calls: called.map((call, n) => toToolCall(call, `${path}.tool_calls[${n}]`)),
    }),
  };
}

function toToolCall(item: unknown, path: string): Fields {
  const call = readObject(item, path);
  const named = readObject(call["function"], `${path}.function`);
  const given = isAbsent(named["arguments"]) ? "" : readText(named["arguments"], `${path}.function.arguments`);
  return {
    id: readText(call["id"], `${path}.id`),
    type: "function",
    function: { name: readText(named["name"], `${path}.function.name`), arguments: given === "" ? "{}" : given },
  };
}

function toTexts(value: unknown, path: string): unknown {
  if (typeof value === "string") return value;
  return readList(value, path).map((item, n) => {
    const part = readObject(item, `${path}[${n}]`);
    if (part["type"] === "refusal") return { type: "text", text: readText(part["refusal"], `${path}[${n}].refusal`) };
    return toText(part, `${path}[${n}]`);
  });
}

function toText(part: Fields, path: string): Fields {
  if (readText(part["type"], `${path}.type`) !== "text") throw unsupported(`${path}.type`);
  refuseOthers(part, new Set(["type", "text", "cache_control"]), path);
  return { type: "text", text: readText(part["text"], `${path}.text`) };
}

function toParts(value: unknown, path: string): unknown {
  if (typeof value === "string") return value;
  return readList(value, path).map((item, n) => {
    const at = `${path}[${n}]`;
    const part = readObject(item, at);
    if (part["type"] !== "image_url") return toText(part, at);
    refuseOthers(part, new Set(["type", "image_url", "cache_control"]), at);
    const image = readObject(part["image_url"], `${at}.image_url`);
    const detail = readOptional(image["detail"], `${at}.image_url.detail`, readText);
    const url = readText(image["url"], `${at}.image_url.url`);
    return { type: "image_url", image_url: { url, ...(detail !== undefined && { detail }) } };
  });
}

function toSampling(json: Fields): Fields {
  const numberOf = (name: string) => readOptional(json[name], name, readNumber);
  const fields = {
    temperature: numberOf("temperature"),
    p: numberOf("top_p"),
    k: readOptional(json["top_k"], "top_k", (value, path) => readInteger(value, path, 0, 500)),
    seed: json["seed"] ?? undefined,
    presence_penalty: numberOf("presence_penalty"),
    frequency_penalty: numberOf("frequency_penalty"),
    stop_sequences: isAbsent(json["stop"]) ? undefined : readStops(json["stop"]),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function toTools(json: Fields): Fields {
  const tools = readOptional(json["tools"], "tools", readList) ?? [];
  if (tools.length === 0) return {};
  const choice = readToolChoice(json["tool_choice"]);
  // One tool cannot be named there.
  if (typeof choice === "object") throw unsupported("tool_choice");
  return {
    tools: tools.map((item, n) => {
      const { name, description, parameters } = readFunctionTool(readObject(item, `tools[${n}]`), `tools[${n}]`);
      const declared = {
        name,
        ...(description !== undefined && { description }),
        parameters: parameters ?? emptyObject,
      };
      return { type: "function", function: declared };
    }),
    ...(choice && choice !== "auto" && { tool_choice: choice.toUpperCase() }),
  };
}

const emptyObject = { type: "object", properties: {} };

function toFormat(value: unknown): Fields {
  const format = readOptional(value, "response_format", readObject);
  if (!format) return {};
  const type = readOneOf(format["type"], "response_format.type", ["text", "json_object", "json_schema"]);
  if (type === "text") return {};
  if (type === "json_object") return { response_format: { type } };
  const named = readObject(format["json_schema"], "response_format.json_schema");
  const schema = readObject(named["schema"], "response_format.json_schema.schema");
  return { response_format: { type: "json_object", json_schema: schema } };
}

/** docs.cohere.com/docs/reasoning: it thinks or does not, within a budget. */
const budgets = { minimal: 1_024, low: 1_024, medium: 8_192, high: undefined, xhigh: undefined } as const;

function toThinking(value: unknown): Fields {
  const effort = readOptional(value, "reasoning_effort", (given, path) =>
    readOneOf(given, path, ["none", "minimal", "low", "medium", "high", "xhigh"]),
  );
  if (effort === undefined) return {};
  if (effort === "none") return { thinking: { type: "disabled" } };
  const budget = budgets[effort];
  return { thinking: { type: "enabled", ...(budget !== undefined && { token_budget: budget }) } };
}

function toOwn(json: Fields): Fields {
  const { documents, citation_options: citations, safety_mode: mode, strict_tools: strict } = json;
  return {
    ...(!isAbsent(documents) && { documents: readList(documents, "documents") }),
    ...(!isAbsent(citations) && { citation_options: readObject(citations, "citation_options") }),
    ...(!isAbsent(mode) && { safety_mode: readText(mode, "safety_mode") }),
    ...(!isAbsent(strict) && { strict_tools: readFlag(strict, "strict_tools") }),
  };
}
