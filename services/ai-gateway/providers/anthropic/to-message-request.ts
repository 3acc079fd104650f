import { parseBodyExact } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import {
  type Fields,
  readFlag,
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
import { refuseUnread } from "../asked-fields.ts";
import { readFunctionTool, readStops, readToolChoice } from "../read-chat.ts";
import type { WireProvider } from "../wire.ts";
import { refusePrefill } from "./refuse-prefill.ts";
import { toMessages } from "./to-messages.ts";

const read = [
  ...["model", "messages", "max_tokens", "max_completion_tokens", "stream", "stop", "temperature", "top_p", "top_k"],
  ...["tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort", "user", "service_tier"],
];
const maxTemperature = 1;

/** A request of the Messages API: the fields that are ours to write. */
export interface MessageBody {
  readonly max_tokens: number;
  readonly [field: string]: unknown;
}

/**
 * A request in chat's form as one of the Messages API (docs.anthropic.com/en/api/messages). Numbers keep all their digits.
 * Throws `invalid_request` for a field that has no counterpart there and asks for something.
 */
export function toMessageRequest(
  { body, isStream, outputLimit }: CallRequest,
  model: Model,
  provider?: WireProvider,
): MessageBody {
  const json = parseBodyExact(body);
  refuseUnread(json, read, ["seed"], provider);
  refusePrefill(json["messages"], model.upstreamName);
  return {
    model: model.upstreamName,
    max_tokens: outputLimit?.tokens ?? model.maxOutputTokens,
    ...toMessages(json["messages"]),
    ...(isStream && { stream: true }),
    ...toSampling(json),
    ...toTools(json),
    ...toOutputConfig(json),
    ...toMetadata(json),
  };
}

function toSampling(json: Fields): Fields {
  const temperature = readOptional(json["temperature"], "temperature", readNumber);
  if (temperature !== undefined && temperature > maxTemperature) {
    throw refuseField("temperature", "must be at most 1 for this model", "此模型的 temperature 不得超过 1");
  }
  const stops = readStops(json["stop"]);
  const topP = readOptional(json["top_p"], "top_p", readNumber);
  const topK = readOptional(json["top_k"], "top_k", (value, path) => readInteger(value, path, 0, 1_000_000));
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(topK !== undefined && { top_k: topK }),
    ...(stops.length > 0 && { stop_sequences: stops }),
  };
}

function toTools(json: Fields): Fields {
  const tools = readOptional(json["tools"], "tools", readList) ?? [];
  if (tools.length === 0) return {};
  const choice = toToolChoice(json["tool_choice"]);
  const isSingle = readOptional(json["parallel_tool_calls"], "parallel_tool_calls", readFlag) === false;
  return {
    tools: tools.map((tool, n) => toTool(readObject(tool, `tools[${n}]`), `tools[${n}]`)),
    ...((choice || isSingle) && {
      // It can be said only beside a choice, and there is nothing to run in parallel where no tool may be called.
      tool_choice: {
        ...(choice ?? { type: "auto" }),
        ...(isSingle && choice?.type !== "none" && { disable_parallel_tool_use: true }),
      },
    }),
  };
}

function toTool(tool: Fields, path: string): object {
  const { name, description, parameters, strict } = readFunctionTool(tool, path);
  const cache = readOptional(tool["cache_control"], `${path}.cache_control`, readObject);
  return {
    name,
    ...(description !== undefined && { description }),
    // A tool without parameters takes an empty object.
    input_schema: parameters ?? { type: "object", properties: {} },
    ...(strict !== undefined && { strict }),
    ...(cache && { cache_control: cache }),
  };
}

function toToolChoice(value: unknown): { readonly type: string; readonly name?: string } | undefined {
  const choice = readToolChoice(value);
  if (typeof choice === "object") return { type: "tool", name: choice.name };
  return choice && { type: choice === "required" ? "any" : choice };
}

const efforts: Readonly<Record<string, string>> = { minimal: "low", xhigh: "max" };

function toOutputConfig(json: Fields): Fields {
  const effort = readOptional(json["reasoning_effort"], "reasoning_effort", (value, path) =>
    readOneOf(value, path, ["none", "minimal", "low", "medium", "high", "xhigh"]),
  );
  const format = toFormat(json["response_format"]);
  const config = {
    ...(effort !== undefined && effort !== "none" && { effort: efforts[effort] ?? effort }),
    ...(format && { format }),
  };
  return {
    ...(Object.keys(config).length > 0 && { output_config: config }),
    ...(effort === "none" && { thinking: { type: "disabled" } }),
  };
}

function toFormat(value: unknown): object | undefined {
  const format = readOptional(value, "response_format", readObject);
  if (!format) return undefined;
  const type = readText(format["type"], "response_format.type");
  if (type === "text") return undefined;
  // An object of no shape cannot be asked for there.
  if (type !== "json_schema") throw unsupported("response_format.type");
  const named = readObject(format["json_schema"], "response_format.json_schema");
  return { type, schema: readObject(named["schema"], "response_format.json_schema.schema") };
}

function toMetadata(json: Fields): Fields {
  const user = readOptional(json["user"], "user", readText);
  const tier = readOptional(json["service_tier"], "service_tier", (value, path) =>
    readOneOf(value, path, ["auto", "default"]),
  );
  return {
    ...(user !== undefined && { metadata: { user_id: user } }),
    ...(tier === "default" && { service_tier: "standard_only" }),
  };
}
