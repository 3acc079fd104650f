import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import type { ReportedUsage } from "../dialects/openai/usage.ts";
import { fieldNames, findName, isString } from "./field-names.ts";
import {
  byteAt,
  closeBrace,
  closeBracket,
  type JsonBytes,
  nextField,
  nextItem,
  notJson,
  openList,
  openObject,
  skipColon,
  skipPlainName,
  skipSpace,
  skipValue,
  toJsonBytes,
} from "./json-bytes.ts";
import { isNull, isPlainTier, readMode } from "./scalar-values.ts";
import { createCounts, skipUsage, toReportedUsage, type UsageCounts } from "./scan-usage.ts";

/** What of an answer decides what it costs, and where its model's name stands. */
export interface ScannedAnswer {
  readonly usage: ReportedUsage;
  readonly serviceMode: ServiceMode | undefined;
  /** Bytes of the value of `model`, to be replaced where the caller used an alias; both 0 when there is none. */
  readonly modelStart: number;
  readonly modelEnd: number;
}

const usageField = 2;
const errorField = 3;
const choicesField = 4;
const answerFields = fieldNames("service_tier", "model", "usage", "error", "choices");
const finishField = 0;
const choiceFields = fieldNames("finish_reason", "error");
const noRanges: readonly number[] = answerFields.names.flatMap(() => [0, 0]);

/**
 * Reads a provider's whole answer from its bytes, in one pass that also proves them to be valid JSON. Undefined for everything
 * unusual: no object, an error in it, a choice that never ended, no usage (the text has to be counted then), or one that a parser has to look at. Says the same
 * as `readUsage`, `readServiceMode` and `findInBandFailure` do of the parsed answer. Never throws.
 */
export function scanAnswer(body: Buffer): ScannedAnswer | undefined {
  const json = toJsonBytes(body);
  const counts = createCounts();
  const ranges = noRanges.slice();
  if (!findFields(json, ranges, counts)) return undefined;
  const [tierStart = 0, tierEnd = 0, modelStart = 0, modelEnd = 0] = ranges;
  const usage = toReportedUsage(counts);
  if (usage === undefined || !isPlainTier(json, tierStart, tierEnd)) return undefined;
  return { usage, serviceMode: readMode(json, tierStart, tierEnd), modelStart, modelEnd };
}

/** Fills in where the fields' values stand, and the counts of the usage; false when a parser has to look at the answer. */
function findFields(json: JsonBytes, ranges: number[], counts: UsageCounts): boolean {
  let at = openObject(json, skipSpace(json, 0));
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const start = skipColon(json, nameEnd);
    if (start === notJson) return false;
    const field = findName(json, at, nameEnd, answerFields);
    const end = skipField(json, start, field, counts);
    if (end === notJson) return false;
    if (field >= 0) {
      // Of two the parser believes the last: a second usage must not hide behind the first.
      if (ranges[2 * field + 1] !== 0) return false;
      ranges[2 * field] = start;
      ranges[2 * field + 1] = end;
      // What it says, and whether it is one, is for the parser to find out.
      if (field === errorField && !isNull(json, start, end)) return false;
    }
    at = nextField(json, end);
  }
  return at !== notJson && skipSpace(json, at + 1) === json.length;
}

function skipField(json: JsonBytes, start: number, field: number, counts: UsageCounts): number {
  if (field === usageField) return skipUsage(json, start, counts);
  return field === choicesField ? skipChoices(json, start) : skipValue(json, start);
}

/** Where the choices end; `notJson` also for what is no list of objects, and for one that does not say why it ended. */
function skipChoices(json: JsonBytes, start: number): number {
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) at = nextItem(json, skipChoice(json, at));
  return at === notJson ? notJson : at + 1;
}

function skipChoice(json: JsonBytes, start: number): number {
  let at = openObject(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBrace) {
    const nameEnd = skipPlainName(json, at);
    const valueStart = skipColon(json, nameEnd);
    if (valueStart === notJson) return notJson;
    const end = skipValue(json, valueStart);
    const field = findName(json, at, nameEnd, choiceFields);
    // One that has not ended, or that failed, is looked at by the parser.
    const isOdd =
      field === finishField
        ? isNull(json, valueStart, end) || isString(json, valueStart, end, "error")
        : field > finishField;
    if (isOdd) return notJson;
    at = nextField(json, end);
  }
  return at === notJson ? notJson : at + 1;
}
