import type { ReportedUsage } from "../dialects/openai/usage.ts";
import { type FieldNames, fieldNames, findName } from "./field-names.ts";
import {
  byteAt,
  closeBrace,
  type JsonBytes,
  nextField,
  notJson,
  openObject,
  skipColon,
  skipPlainName,
  skipValue,
} from "./json-bytes.ts";
import { isNull, readCount, unread } from "./scalar-values.ts";

/** The bound of `readUsage`: a larger number is a fault, not a usage. */
const maxTokens = 1_000_000_000;

/** What a usage says, by place; `unset` where it says nothing. */
export type UsageCounts = number[];

const unset = -3;
const isSeen = 1;
const promptTokens = 0;
const completionTokens = 1;
const promptDetails = 2;
const completionDetails = 3;
const cachedTokens = 4;
const cacheWriteTokens = 5;
const audioInputTokens = 6;
const reasoningTokens = 7;
const audioOutputTokens = 8;
const cachedBeside = 9;
const cacheHits = 10;
const totalTokens = 11;
const toolCallPlaces = [12, 13, 14] as const;
/** What is said in another way than by a count, or is in no total: for the parser. */
const unusual = 15;
const noCounts: UsageCounts = Array.from({ length: 16 }, () => unset);

/** Names, and the place of each one's count. */
interface Places {
  readonly names: FieldNames;
  readonly places: readonly number[];
}
const usagePlaces: Places = {
  names: fieldNames(
    ...["prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"],
    ...["cached_tokens", "prompt_cache_hit_tokens", "total_tokens"],
    ...["server_tool_calls", "num_search_queries", "num_sources_used", "server_tool_use", "citation_tokens"],
  ),
  places: [
    ...[promptTokens, completionTokens, promptDetails, completionDetails, cachedBeside, cacheHits, totalTokens],
    ...[...toolCallPlaces, unusual, unusual],
  ],
};
const inputPlaces: Places = {
  names: fieldNames("cached_tokens", "cache_write_tokens", "audio_tokens"),
  places: [cachedTokens, cacheWriteTokens, audioInputTokens],
};
const outputPlaces: Places = {
  names: fieldNames("reasoning_tokens", "audio_tokens"),
  places: [reasoningTokens, audioOutputTokens],
};

export function createCounts(): UsageCounts {
  return noCounts.slice();
}

/**
 * Reads the `usage` object at `start` into `counts`, which are new, and gives where it ends; `notJson` also for everything that a
 * parser has to look at: no object, a name written twice, a count that is not a plain number up to `maxTokens`.
 */
export function skipUsage(json: JsonBytes, start: number, counts: UsageCounts): number {
  return skipCounts(json, start, usagePlaces, counts);
}

/** What `readUsage` makes of the same object; undefined when that is nothing. Each detail is taken out of its total. */
export function toReportedUsage(counts: UsageCounts): ReportedUsage | undefined {
  const prompt = counts[promptTokens] ?? unset;
  if (prompt < 0) return undefined;
  const saysCached = [cachedTokens, cachedBeside, cacheHits].find((place) => (counts[place] ?? unset) >= 0);
  const cached = saysCached === undefined ? 0 : takeOut(counts, saysCached, prompt);
  const cacheWrite5m = takeOut(counts, cacheWriteTokens, prompt - cached);
  const audioInput = takeOut(counts, audioInputTokens, prompt - cached - cacheWrite5m);
  const counted = Math.max(0, counts[completionTokens] ?? 0);
  const thought = Math.max(0, counts[reasoningTokens] ?? 0);
  // Some count what was thought beside the rest, and all of it in the sum.
  const completion = counts[totalTokens] === prompt + counted + thought ? counted + thought : counted;
  const reasoning = takeOut(counts, reasoningTokens, completion);
  const audioOutput = takeOut(counts, audioOutputTokens, completion - reasoning);
  const toolCalls = Math.max(0, ...toolCallPlaces.map((place) => counts[place] ?? unset));
  const common = {
    inputTokens: BigInt(prompt - cached - cacheWrite5m - audioInput),
    cachedInputTokens: BigInt(cached),
    outputTokens: BigInt(completion - reasoning - audioOutput),
  };
  if (cacheWrite5m + audioInput + reasoning + audioOutput + toolCalls === 0) return common;
  const otherBuckets = {
    ...(cacheWrite5m > 0 && { cacheWrite5m: BigInt(cacheWrite5m) }),
    ...(audioInput > 0 && { audioInput: BigInt(audioInput) }),
    ...(reasoning > 0 && { reasoning: BigInt(reasoning) }),
    ...(audioOutput > 0 && { audioOutput: BigInt(audioOutput) }),
    ...(toolCalls > 0 && { toolCalls: BigInt(toolCalls) }),
  };
  return { ...common, otherBuckets };
}

/** Details that add up to more than their total are cut off there: a token is counted once. */
function takeOut(counts: UsageCounts, place: number, left: number): number {
  return Math.min(Math.max(0, counts[place] ?? 0), left);
}

function skipCounts(json: JsonBytes, start: number, { names, places }: Places, counts: UsageCounts): number {
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return notJson;
    const name = findName(json, at, nameEnd, names);
    const place = places[name];
    const valueEnd = place === undefined ? skipValue(json, valueStart) : skipCount(json, valueStart, place, counts);
    at = nextField(json, valueEnd);
  }
  return at === notJson ? notJson : at + 1;
}

/** One count, or the details of one. */
function skipCount(json: JsonBytes, start: number, place: number, counts: UsageCounts): number {
  // Of two the parser believes the last one; to guess here would be to charge by the other.
  if (counts[place] !== unset || place === unusual) return notJson;
  counts[place] = isSeen;
  if (place === promptDetails) return skipDetails(json, start, inputPlaces, counts);
  if (place === completionDetails) return skipDetails(json, start, outputPlaces, counts);
  const end = skipValue(json, start);
  if (end === notJson) return notJson;
  const count = readCount(json, start, end);
  if (count === unread || count > maxTokens) return notJson;
  counts[place] = count;
  return end;
}

function skipDetails(json: JsonBytes, start: number, places: Places, counts: UsageCounts): number {
  return isNull(json, start, start + 4) ? start + 4 : skipCounts(json, start, places, counts);
}
