import { parseBodyExact } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
import {
  type Fields,
  readInteger,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readOptional,
  readText,
  unsupported,
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { refusePrefill } from "../anthropic/refuse-prefill.ts";
import { mayDrop, refuseUnread } from "../asked-fields.ts";
import { readFunctionTool, readStops, readToolChoice } from "../read-chat.ts";
import type { WireProvider } from "../wire.ts";
import { toCachePoint, toConversation } from "./to-conversation.ts";

const read = [
  ...["model", "messages", "max_tokens", "max_completion_tokens", "stream", "stop", "temperature", "top_p", "top_k"],
  ...["tools", "tool_choice", "response_format", "reasoning_effort", "metadata", "service_tier"],
];
/** Bedrock says nothing to them, and several calls at once are the usual. */
const left = ["user", "seed"];

/** A request of Converse. */
export interface ConverseBody {
  readonly inferenceConfig: Fields;
  readonly [field: string]: unknown;
}

/**
 * A request in chat's form as one of Converse. Numbers keep all their digits. Throws `invalid_request` for a field that has no
 * counterpart there and asks for something.
 */
export function toConverseRequest(
  { body, outputLimit }: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): ConverseBody {
  const json = parseBodyExact(body);
  const isParallel = json["parallel_tool_calls"] === true ? ["parallel_tool_calls"] : [];
  refuseUnread(json, read, [...left, ...isParallel], provider);
  refusePrefill(json["messages"], upstreamName);
  const more = toModelFields(json, upstreamName, provider);
  const tier = toTier(json["service_tier"]);
  return {
    ...toConversation(json["messages"]),
    ...toTools(json),
    ...toOutputConfig(json["response_format"]),
    ...(Object.keys(more).length > 0 && { additionalModelRequestFields: more }),
    ...(tier && { serviceTier: { type: tier } }),
    inferenceConfig: { ...(outputLimit && { maxTokens: outputLimit.tokens }), ...toSampling(json) },
  };
}

function toSampling(json: Fields): Fields {
  const temperature = readOptional(json["temperature"], "temperature", readNumber);
  const topP = readOptional(json["top_p"], "top_p", readNumber);
  const stops = readStops(json["stop"]);
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { topP }),
    ...(stops.length > 0 && { stopSequences: stops }),
  };
}

const isAnthropic = (upstreamName: string) => upstreamName.includes("anthropic.");
const budgets = { low: 1_024, medium: 8_192, high: 24_576 } as const;
const efforts = { minimal: "low", low: "low", medium: "medium", high: "high", xhigh: "high" } as const;

/** What Converse has no field of its own for, each model has another name for. */
function toModelFields(json: Fields, upstreamName: string, provider?: WireProvider): Fields {
  const refuse = (name: string): Fields => {
    if (mayDrop(name, provider)) return {};
    throw unsupported(name);
  };
  const topK = readOptional(json["top_k"], "top_k", (value, path) => readInteger(value, path, 0, 1_000_000));
  const sampling = topK === undefined ? {} : isAnthropic(upstreamName) ? { top_k: topK } : refuse("top_k");
  const effort = readOptional(json["reasoning_effort"], "reasoning_effort", (value, path) =>
    readOneOf(value, path, ["none", "minimal", "low", "medium", "high", "xhigh"]),
  );
  if (effort === undefined || effort === "none") return sampling;
  return { ...sampling, ...(toThinking(efforts[effort], upstreamName) ?? refuse("reasoning_effort")) };
}

/** docs.aws.amazon.com/bedrock/latest/userguide: "Extended thinking" of Claude, "Reasoning" of gpt-oss; undefined for others. */
function toThinking(effort: keyof typeof budgets, upstreamName: string): Fields | undefined {
  if (isAnthropic(upstreamName)) return { thinking: { type: "enabled", budget_tokens: budgets[effort] } };
  return upstreamName.includes("openai.") ? { reasoning_effort: effort } : undefined;
}

function toTier(value: unknown): string | undefined {
  const tier = readOptional(value, "service_tier", (given, path) =>
    readOneOf(given, path, ["auto", "default", "flex", "priority"]),
  );
  return tier === "auto" ? undefined : tier;
}

function toTools(json: Fields): Fields {
  const tools = readOptional(json["tools"], "tools", readList) ?? [];
  if (tools.length === 0) return {};
  const choice = readToolChoice(json["tool_choice"]);
  const specs = tools.flatMap((tool, n) => toTool(readObject(tool, `tools[${n}]`), `tools[${n}]`));
  // A model that may call none is given none: there is no word for it.
  if (choice === "none") return {};
  return { toolConfig: { tools: specs, ...(choice && { toolChoice: toChoice(choice) }) } };
}

function toTool(tool: Fields, path: string): readonly object[] {
  const { name, description, parameters, strict } = readFunctionTool(tool, path);
  const spec = {
    name,
    ...(description !== undefined && { description }),
    inputSchema: { json: parameters ?? { type: "object", properties: {} } },
    ...(strict !== undefined && { strict }),
  };
  return [{ toolSpec: spec }, ...toCachePoint(tool["cache_control"], `${path}.cache_control`)];
}

function toChoice(choice: "auto" | "required" | { readonly name: string }): object {
  if (typeof choice === "object") return { tool: { name: choice.name } };
  return choice === "required" ? { any: {} } : { auto: {} };
}

function toOutputConfig(value: unknown): Fields {
  const format = readOptional(value, "response_format", readObject);
  if (!format) return {};
  const type = readText(format["type"], "response_format.type");
  if (type === "text") return {};
  // An object of no shape cannot be asked for there.
  if (type !== "json_schema") throw unsupported("response_format.type");
  const named = readObject(format["json_schema"], "response_format.json_schema");
  const schema = JSON.stringify(readObject(named["schema"], "response_format.json_schema.schema"));
  const name = readText(named["name"], "response_format.json_schema.name");
  return { outputConfig: { textFormat: { type, structure: { jsonSchema: { schema, name } } } } };
}
