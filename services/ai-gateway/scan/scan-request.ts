import { isUtf8 } from "node:buffer";
import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import { fieldsAtPrice } from "../dialects/openai/native-refusals.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { fieldNames, findName, isString } from "./field-names.ts";
import {
  byteAt,
  closeBrace,
  closeBracket,
  isText,
  type JsonBytes,
  nextField,
  nextItem,
  notJson,
  openBrace,
  openBracket,
  openList,
  openObject,
  skipColon,
  skipPlainName,
  skipSpace,
  skipString,
  skipValue,
  toJsonBytes,
} from "./json-bytes.ts";
import { absent, isPlainString, isPlainTier, readCount, readFlag, readMode, unread } from "./scalar-values.ts";

/** What of a chat request decides how it is routed, bounded and relayed: what `readRequest` says of the same bytes. */
export interface ScannedRequest {
  readonly body: Buffer;
  readonly model: string;
  readonly isStream: boolean;
  /** True when the caller asked for the usage chunk; otherwise it is asked for anyway and taken out. */
  readonly wantsUsage: boolean;
  /** The caller's own limit of the answer, and the field it is written in. */
  readonly outputLimit: { readonly field: LimitField; readonly tokens: number } | undefined;
  /** Answers that are generated, and so charged. */
  readonly choices: number;
  /** Answers that come back. */
  readonly answers: number;
  readonly serviceMode: ServiceMode | undefined;
  readonly messages: number;
  /** False when no message holds a list, and so none holds an image, a sound or a file. */
  readonly mayHoldMedia: boolean;
  /** Where values stand that may have to be replaced. */
  readonly ranges: FieldRanges;
}

export type LimitField = "max_completion_tokens" | "max_tokens";

/** Bytes of the value of each of `requestFields`: from `[2 × index]` to `[2 × index + 1]`; both 0 for one that is not there. */
export type FieldRanges = readonly number[];

/** Places in a body's `ranges`. */
export const modelField = 0;
export const streamOptionsField = 2;
export const completionLimitField = 3;
export const limitField = 4;
const streamField = 1;
const nField = 5;
const bestOfField = 6;
const tierField = 7;
export const messagesField = 8;
/** What is wanted of the providers, and what stands for messages, is taken out of the body on the ordinary way. */
const providerField = 9;
const promptField = 10;
const toolsField = 11;
/** From here on: what may be paid apart from tokens, which is looked at on the ordinary way. */
const firstAtPrice = 12;

const requestFields = fieldNames(
  ...["model", "stream", "stream_options", "max_completion_tokens", "max_tokens", "n", "best_of", "service_tier"],
  ...["messages", "provider", "prompt", "tools"],
  ...fieldsAtPrice,
);
const toolFields = fieldNames("type");
const noRanges: FieldRanges = requestFields.names.flatMap(() => [0, 0]);

/** The bounds of `readRequest`, which says to the caller what is wrong. */
const maxModelLength = 200;
const maxChoices = 128;
const maxOutputLimit = 10_000_000;
/** `stream_options` is small; what is larger is not read here. */
const maxOptionsBytes = 256;
const usualOptions = '{"include_usage":true}';

/**
 * Reads a chat request from its bytes, in one pass that also proves them to be valid JSON. Undefined for everything unusual: for
 * every body that `readRequest` refuses, and for those where a second look is needed (escapes or repeats in the fields that decide,
 * odd numbers, lists and objects nested deeper than `maxDepth`). Then `readRequest` is to be asked. Never throws.
 */
export function scanRequest(body: Buffer): ScannedRequest | undefined {
  const json = toJsonBytes(body);
  const found: Found = { ranges: noRanges.slice(), messages: 0, mayHoldMedia: false };
  // Bytes that are not UTF-8 say different things to different readers: the caller's, ours and the provider's.
  if (!findFields(json, found) || !isUtf8(body)) return undefined;
  return readFields(body, json, found);
}

interface Found {
  readonly ranges: number[];
  messages: number;
  mayHoldMedia: boolean;
}

/** Fills in `found`; false when the body is not one plain object. */
function findFields(json: JsonBytes, found: Found): boolean {
  const { ranges } = found;
  let at = openObject(json, skipSpace(json, 0));
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return false;
    const field = findName(json, at, nameEnd, requestFields);
    const valueEnd = skipField(json, field, valueStart, found);
    if (valueEnd === notJson || field >= firstAtPrice) return false;
    if (field >= 0) {
      // Written twice, one of the two counts for us and maybe the other one for the provider: a price for one model, an answer of another.
      if (ranges[2 * field + 1] !== 0) return false;
      ranges[2 * field] = valueStart;
      ranges[2 * field + 1] = valueEnd;
    }
    at = nextField(json, valueEnd);
  }
  // Behind the object nothing may stand: a second one would be a second request to a lenient reader.
  return at !== notJson && skipSpace(json, at + 1) === json.length;
}

function skipField(json: JsonBytes, field: number, start: number, found: Found): number {
  if (field === messagesField) return skipMessages(json, start, found);
  return field === toolsField ? skipTools(json, start) : skipValue(json, start);
}

/** A list of functions, which run at the caller; `notJson` also for any other, and for a list that cannot be one. */
function skipTools(json: JsonBytes, start: number): number {
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) at = nextItem(json, skipTool(json, at));
  return at === notJson ? notJson : at + 1;
}

function skipTool(json: JsonBytes, start: number): number {
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    const valueEnd = skipValue(json, valueStart);
    if (valueEnd === notJson) return notJson;
    const isType = findName(json, at, nameEnd, toolFields) === 0;
    if (isType && !isString(json, valueStart, valueEnd, "function")) return notJson;
    at = nextField(json, valueEnd);
  }
  return at === notJson ? notJson : at + 1;
}

/** A list, whose messages it looks into. */
function skipMessages(json: JsonBytes, start: number, found: Found): number {
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) {
    found.messages++;
    at = nextItem(json, byteAt(json, at) === openBrace ? skipMessage(json, at, found) : skipValue(json, at));
  }
  return at === notJson ? notJson : at + 1;
}

function skipMessage(json: JsonBytes, start: number, found: Found): number {
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const valueStart = skipColon(json, skipString(json, at));
    if (valueStart === notJson) return notJson;
    if (byteAt(json, valueStart) === openBracket) found.mayHoldMedia = true;
    at = nextField(json, skipValue(json, valueStart));
  }
  return at === notJson ? notJson : at + 1;
}

/** What the fields say; undefined when one says nothing that `readRequest` accepts, or says it in an unusual way. */
function readFields(body: Buffer, json: JsonBytes, found: Found): ScannedRequest | undefined {
  const { ranges, messages, mayHoldMedia } = found;
  if (messages === 0 || ranges[2 * providerField + 1] !== 0 || ranges[2 * promptField + 1] !== 0) return undefined;
  const model = readModel(body, json, ranges);
  const stream = readRange(json, ranges, streamField, readFlag);
  const n = readRange(json, ranges, nField, readCount);
  const bestOf = readRange(json, ranges, bestOfField, readCount);
  const wantsUsage = readWantsUsage(body, json, ranges);
  const outputLimit = readOutputLimit(json, ranges);
  if (model === undefined || stream === unread || wantsUsage === undefined || outputLimit === null) return undefined;
  if (!isChoices(n) || !isChoices(bestOf)) return undefined;
  const tierStart = ranges[2 * tierField] ?? 0;
  const tierEnd = ranges[2 * tierField + 1] ?? 0;
  if (!isPlainTier(json, tierStart, tierEnd)) return undefined;
  const answers = n === absent ? 1 : n;
  return {
    body,
    model,
    isStream: stream === 1,
    wantsUsage,
    outputLimit,
    choices: bestOf === absent ? answers : Math.max(answers, bestOf),
    answers,
    serviceMode: readMode(json, tierStart, tierEnd),
    messages,
    mayHoldMedia,
    ranges,
  };
}

function readRange(
  json: JsonBytes,
  ranges: FieldRanges,
  field: number,
  read: (json: JsonBytes, start: number, end: number) => number,
): number {
  const end = ranges[2 * field + 1] ?? 0;
  return end === 0 ? absent : read(json, ranges[2 * field] ?? 0, end);
}

function readModel(body: Buffer, json: JsonBytes, ranges: FieldRanges): string | undefined {
  const start = ranges[2 * modelField] ?? 0;
  const end = ranges[2 * modelField + 1] ?? 0;
  const length = end - start - 2;
  if (length < 1 || length > maxModelLength || !isPlainString(json, start, end)) return undefined;
  return body.toString("latin1", start + 1, end - 1);
}

function readWantsUsage(body: Buffer, json: JsonBytes, ranges: FieldRanges): boolean | undefined {
  const start = ranges[2 * streamOptionsField] ?? 0;
  const end = ranges[2 * streamOptionsField + 1] ?? 0;
  if (end === 0) return false;
  if (end - start > maxOptionsBytes) return undefined;
  if (end - start === usualOptions.length && isText(json, start, usualOptions)) return true;
  return fieldOf(JSON.parse(body.toString("utf8", start, end)), "include_usage") === true;
}

/** Undefined without a limit, null when one is unusual. */
function readOutputLimit(json: JsonBytes, ranges: FieldRanges): ScannedRequest["outputLimit"] | null {
  const newer = readRange(json, ranges, completionLimitField, readCount);
  const older = readRange(json, ranges, limitField, readCount);
  if (newer === unread || newer > maxOutputLimit || older === unread || older > maxOutputLimit) return null;
  if (newer === absent && older === absent) return undefined;
  // With both fields set, which of them a provider honours is its own affair: the larger counts.
  return newer >= older ? { field: "max_completion_tokens", tokens: newer } : { field: "max_tokens", tokens: older };
}

function isChoices(count: number): boolean {
  return count === absent || (count >= 1 && count <= maxChoices);
}
