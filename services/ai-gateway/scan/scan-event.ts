import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import type { ReportedUsage } from "../dialects/openai/usage.ts";
import { fieldNames, findName } from "./field-names.ts";
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
  quote,
  skipColon,
  skipPlainName,
  skipSpace,
  skipString,
  skipValue,
} from "./json-bytes.ts";
import { absent, isNull, isPlainTier, readCount, readMode, unread } from "./scalar-values.ts";
import { createCounts, skipUsage, toReportedUsage } from "./scan-usage.ts";

/** What one chunk of a streamed answer says. One such object serves a whole stream: it is written anew for each event. */
export interface EventFacts {
  /** The text that the chunk puts out, as it stands between the quotes of a JSON string; both 0 where there is no such string. */
  textStart: number;
  textEnd: number;
  /** Random bytes that hide the text's length from listeners (OpenAI's `obfuscation`), between their quotes; both 0 without. */
  paddingStart: number;
  paddingEnd: number;
  /** Choices that say why they ended: a bit for each. */
  finished: number;
  usage: ReportedUsage | undefined;
  serviceMode: ServiceMode | undefined;
  /** True for a chunk that is there for its usage alone: callers who did not ask for it do not get it. */
  isUsageOnly: boolean;
  /** A `usage` of null, with the comma that parts it from the rest; both 0 when there is none. */
  noUsageStart: number;
  noUsageEnd: number;
  /** The value of `model`; both 0 when there is none. */
  modelStart: number;
  modelEnd: number;
}

export function createFacts(): EventFacts {
  return {
    textStart: 0,
    textEnd: 0,
    paddingStart: 0,
    paddingEnd: 0,
    finished: 0,
    usage: undefined,
    serviceMode: undefined,
    isUsageOnly: false,
    noUsageStart: 0,
    noUsageEnd: 0,
    modelStart: 0,
    modelEnd: 0,
  };
}

/** A choice needs a bit of `finished`. */
const maxChoiceIndex = 30;

/** What an empty string takes. */
const emptyBytes = 2;

const modelField = 0;
const choicesField = 1;
const usageField = 2;
const tierField = 3;
const errorField = 4;
const paddingField = 5;
const chunkFields = fieldNames("model", "choices", "usage", "service_tier", "error", "obfuscation");

const indexField = 0;
const deltaField = 1;
const finishField = 2;
const textField = 3;
const choiceFields = fieldNames("index", "delta", "finish_reason", "text", "message", "error");

const toolCallsField = 0;
const deltaFields = fieldNames("tool_calls", "content", "reasoning_content", "reasoning", "refusal");

const callFields = fieldNames("function");
const calledFields = fieldNames("name", "arguments");

/**
 * Reads the chunk whose JSON begins at `start` into `facts` and gives where it ends. `notJson` also for everything unusual: an error
 * in it, more than one text, names written twice, values of another type than the API's. What it gives is what
 * `textOf`, `listFinished`, `readUsage`, `readServiceMode` and `findInBandFailure` say of the parsed chunk.
 */
export function scanEvent(json: JsonBytes, start: number, facts: EventFacts): number {
  clearFacts(facts);
  let seen = 0;
  let hasUsage = false;
  let hasNoChoices = false;
  let before = notJson;
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameStart = at;
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return notJson;
    const field = findName(json, at, nameEnd, chunkFields);
    if (isSecond(seen, field)) return notJson;
    seen |= 1 << field;
    if (field === choicesField) {
      at = skipChoices(json, valueStart, facts);
      hasNoChoices = isEmptyList(json, valueStart);
    } else if (field === usageField && !isNull(json, valueStart, valueStart + 4)) {
      hasUsage = true;
      at = skipReported(json, valueStart, facts);
    } else at = skipChunkField(json, valueStart, field, facts);
    const valueEnd = at;
    at = nextField(json, valueEnd);
    if (field === usageField && !hasUsage && at !== notJson) {
      // The last field goes with the comma before it, every other with the one behind.
      const isLast = byteAt(json, at) === closeBrace;
      facts.noUsageStart = isLast && before !== notJson ? before : nameStart;
      facts.noUsageEnd = isLast ? valueEnd : at;
    }
    before = valueEnd;
  }
  facts.isUsageOnly = hasUsage && hasNoChoices;
  return at === notJson ? notJson : at + 1;
}

export function clearFacts(facts: EventFacts): void {
  facts.textStart = 0;
  facts.textEnd = 0;
  facts.paddingStart = 0;
  facts.paddingEnd = 0;
  facts.finished = 0;
  facts.usage = undefined;
  facts.serviceMode = undefined;
  facts.isUsageOnly = false;
  facts.noUsageStart = 0;
  facts.noUsageEnd = 0;
  facts.modelStart = 0;
  facts.modelEnd = 0;
}

/** True for a name that came before: of two the parser believes the last. */
function isSecond(seen: number, field: number): boolean {
  return field >= 0 && ((seen >> field) & 1) === 1;
}

function skipReported(json: JsonBytes, start: number, facts: EventFacts): number {
  const counts = createCounts();
  const end = skipUsage(json, start, counts);
  facts.usage = toReportedUsage(counts);
  return end;
}

function skipChunkField(json: JsonBytes, start: number, field: number, facts: EventFacts): number {
  const end = skipValue(json, start);
  if (end === notJson) return notJson;
  if (field === modelField) {
    facts.modelStart = start;
    facts.modelEnd = end;
  } else if (field === tierField) {
    if (!isPlainTier(json, start, end)) return notJson;
    facts.serviceMode = readMode(json, start, end);
  } else if (field === paddingField && byteAt(json, start) === quote) {
    facts.paddingStart = start + 1;
    facts.paddingEnd = end - 1;
  } else if (field === errorField && !isNull(json, start, end)) return notJson;
  return end;
}

function skipChoices(json: JsonBytes, start: number, facts: EventFacts): number {
  if (isNull(json, start, start + 4)) return start + 4;
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) at = nextItem(json, skipChoice(json, at, facts));
  return at === notJson ? notJson : at + 1;
}

function isEmptyList(json: JsonBytes, start: number): boolean {
  return byteAt(json, start) === openBracket && byteAt(json, skipSpace(json, start + 1)) === closeBracket;
}

function skipChoice(json: JsonBytes, start: number, facts: EventFacts): number {
  let seen = 0;
  let index = 0;
  let isFinished = false;
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return notJson;
    const field = findName(json, at, nameEnd, choiceFields);
    if (isSecond(seen, field)) return notJson;
    seen |= 1 << field;
    if (field === deltaField) at = skipDelta(json, valueStart, facts);
    else if (field === textField) at = skipText(json, valueStart, facts);
    else {
      // A `message` in a stream, an error, or a reason that is one or no string: such a choice is for the parser.
      if (field > textField || (field === finishField && !isReason(json, valueStart))) return notJson;
      at = skipValue(json, valueStart);
      if (field === indexField && at !== notJson) index = readCount(json, valueStart, at);
      if (field === finishField) isFinished = byteAt(json, valueStart) === quote && at - valueStart > emptyBytes;
    }
    at = nextField(json, at);
  }
  if (index === unread || index > maxChoiceIndex) return notJson;
  if (isFinished) facts.finished |= 1 << (index === absent ? 0 : index);
  return at === notJson ? notJson : at + 1;
}

/** Why a choice ended, if it has: a string, and not that it failed. */
function isReason(json: JsonBytes, start: number): boolean {
  if (byteAt(json, start) === quote) return !isText(json, start, '"error"');
  return isNull(json, start, start + 4);
}

function skipDelta(json: JsonBytes, start: number, facts: EventFacts): number {
  if (isNull(json, start, start + 4)) return start + 4;
  let seen = 0;
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return notJson;
    const field = findName(json, at, nameEnd, deltaFields);
    if (isSecond(seen, field)) return notJson;
    seen |= 1 << field;
    if (field === toolCallsField) at = skipToolCalls(json, valueStart, facts);
    else at = field >= 0 ? skipText(json, valueStart, facts) : skipValue(json, valueStart);
    at = nextField(json, at);
  }
  return at === notJson ? notJson : at + 1;
}

function skipToolCalls(json: JsonBytes, start: number, facts: EventFacts): number {
  if (isNull(json, start, start + 4)) return start + 4;
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) {
    at = nextItem(json, byteAt(json, at) === openBrace ? skipCall(json, at, facts) : notJson);
  }
  return at === notJson ? notJson : at + 1;
}

/** A tool call, and within it the function that is called. */
function skipCall(json: JsonBytes, start: number, facts: EventFacts, names = callFields): number {
  let seen = 0;
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return notJson;
    const field = findName(json, at, nameEnd, names);
    if (isSecond(seen, field)) return notJson;
    seen |= 1 << field;
    if (field < 0) at = skipValue(json, valueStart);
    else if (names === callFields) at = skipCall(json, valueStart, facts, calledFields);
    else at = skipText(json, valueStart, facts);
    at = nextField(json, at);
  }
  return at === notJson ? notJson : at + 1;
}

/** A string that the caller gets to read, or null. */
function skipText(json: JsonBytes, start: number, facts: EventFacts): number {
  if (isNull(json, start, start + 4)) return start + 4;
  const end = skipString(json, start);
  if (end === notJson) return notJson;
  const isEmpty = end - start === emptyBytes;
  if (facts.textEnd > facts.textStart) return isEmpty ? end : notJson;
  if (isEmpty && facts.textStart > 0) return end;
  facts.textStart = start + 1;
  facts.textEnd = end - 1;
  return end;
}
