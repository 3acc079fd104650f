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
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { refuseUnread } from "../asked-fields.ts";
import { readFunctionTool, readStops, readToolChoice } from "../read-chat.ts";
import type { WireProvider } from "../wire.ts";
import { toContents } from "./to-contents.ts";

const read = [
  ...[
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stop",
    "temperature",
    "top_p",
    "top_k",
    "n",
  ],
  ...["tools", "tool_choice", "response_format", "reasoning_effort", "seed", "presence_penalty", "frequency_penalty"],
];
/** Google says nothing to it, and several calls at once are the usual. */
const left = ["user", "service_tier"];
const maxCandidates = 8;
const maxSeed = 2_147_483_647;

/** A request of `generateContent`. */
export interface ContentBody {
  readonly generationConfig: Fields;
  readonly [field: string]: unknown;
}

/**
 * A request in chat's form as one of `generateContent`. Numbers keep all their digits. Throws `invalid_request` for a field
 * that has no counterpart there and asks for something.
 */
export function toContentRequest(
  { body, outputLimit }: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): ContentBody {
  const json = parseBodyExact(body);
  const isParallel = json["parallel_tool_calls"] === true ? ["parallel_tool_calls"] : [];
  refuseUnread(json, read, [...left, ...isParallel], provider);
  return {
    ...toContents(json["messages"]),
    ...toTools(json),
    generationConfig: {
      ...(outputLimit && { maxOutputTokens: outputLimit.tokens }),
      ...toSampling(json),
      ...toFormat(json["response_format"]),
      ...toThinking(json, upstreamName),
    },
  };
}

function toSampling(json: Fields): Fields {
  const numberOf = (name: string) => readOptional(json[name], name, readNumber);
  const integerOf = (name: string, least: number, most: number) =>
    readOptional(json[name], name, (value, path) => readInteger(value, path, least, most));
  const stops = readStops(json["stop"]);
  const choices = integerOf("n", 1, maxCandidates) ?? 1;
  return withoutAbsent({
    temperature: numberOf("temperature"),
    topP: numberOf("top_p"),
    topK: integerOf("top_k", 0, 1_000_000),
    candidateCount: choices > 1 ? choices : undefined,
    stopSequences: stops.length > 0 ? stops : undefined,
    seed: integerOf("seed", -maxSeed - 1, maxSeed),
    presencePenalty: numberOf("presence_penalty") || undefined,
    frequencyPenalty: numberOf("frequency_penalty") || undefined,
  });
}

function withoutAbsent(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function toTools(json: Fields): Fields {
  const tools = readOptional(json["tools"], "tools", readList) ?? [];
  if (tools.length === 0) return {};
  const functionDeclarations = tools.map((tool, n) => toDeclaration(readObject(tool, `tools[${n}]`), `tools[${n}]`));
  const choice = toChoice(json["tool_choice"]);
  return { tools: [{ functionDeclarations }], ...(choice && { toolConfig: { functionCallingConfig: choice } }) };
}

function toDeclaration(tool: Fields, path: string): object {
  const { name, description, parameters } = readFunctionTool(tool, path);
  return {
    name,
    ...(description !== undefined && { description }),
    ...(parameters && { parametersJsonSchema: parameters }),
  };
}

function toChoice(value: unknown): object | undefined {
  const choice = readToolChoice(value);
  if (typeof choice === "object") return { mode: "ANY", allowedFunctionNames: [choice.name] };
  return choice && { mode: choice === "required" ? "ANY" : choice.toUpperCase() };
}

function toFormat(value: unknown): Fields {
  const format = readOptional(value, "response_format", readObject);
  if (!format) return {};
  const type = readOneOf(format["type"], "response_format.type", ["text", "json_object", "json_schema"]);
  if (type === "text") return {};
  if (type === "json_object") return { responseMimeType: "application/json" };
  const named = readObject(format["json_schema"], "response_format.json_schema");
  const schema = readObject(named["schema"], "response_format.json_schema.schema");
  return { responseMimeType: "application/json", responseJsonSchema: schema };
}

/** As Google's own endpoint for chat has it (ai.google.dev/gemini-api/docs/openai, "Thinking"). */
const budgets = { none: 0, minimal: 1_024, low: 1_024, medium: 8_192, high: 24_576, xhigh: 24_576 } as const;
const levels = {
  none: "minimal",
  minimal: "minimal",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
} as const;
const efforts = ["none", "minimal", "low", "medium", "high", "xhigh"] as const;

function toThinking(json: Fields, upstreamName: string): Fields {
  const effort = readOptional(json["reasoning_effort"], "reasoning_effort", (value, path) =>
    readOneOf(value, path, efforts),
  );
  if (effort === undefined) return {};
  const amount = /^gemini-[12]\b/.test(upstreamName)
    ? { thinkingBudget: budgets[effort] }
    : { thinkingLevel: levels[effort] };
  return { thinkingConfig: { ...amount, ...(effort !== "none" && { includeThoughts: true }) } };
}
