import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

const maxDepth = 64;
const maxValues = 20_000;
/** Names by which a careless merge would reach a prototype. */
const forbiddenNames = new Set(["__proto__", "constructor", "prototype"]);

/**
 * A JSON body as a value, undefined for an empty one. Throws `kit.invalid_request` for text that is not JSON, is deeper
 * than 64 levels, holds more than 20,000 values, names a field of an object twice or has one named `__proto__`, `constructor` or `prototype`.
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const names = checkSize(body);
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    throw refuse("body", "is not valid JSON", "不是有效的 JSON");
  }
  if (countNames(value) !== names) throw refuse("body", "names a field twice", "重复给出了字段");
  return value;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Counts before parsing: building a hundred thousand small values holds the event loop for a quarter of a second. Gives the names. */
function checkSize(body: Buffer): number {
  let depth = 0;
  let values = 1;
  let names = 0;
  let isInString = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === quote) isInString = !isInString;
    else if (isInString) {
      if (byte === backslash) i++;
    } else if (byte === comma) values++;
    else if (byte === colon) names++;
    else if (byte === openBracket || byte === openBrace) {
      if (++depth > maxDepth)
        throw refuse("body", `is nested deeper than ${maxDepth} levels`, `嵌套超过 ${maxDepth} 层`);
    } else if (byte === closeBracket || byte === closeBrace) depth--;
  }
  if (values > maxValues) throw refuse("body", `holds more than ${maxValues} values`, `包含超过 ${maxValues} 个值`);
  return names;
}

/** How many names are left in what was parsed: of two that are alike one is gone (RFC 8259, 4), another server may keep the other. */
function countNames(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  if (Array.isArray(value)) return value.reduce<number>((count, item) => count + countNames(item), 0);
  let count = 0;
  for (const [name, field] of Object.entries(value)) {
    if (forbiddenNames.has(name)) throw refuse(name, "is not an allowed field name", "不是允许的字段名");
    count += 1 + countNames(field);
  }
  return count;
}

function refuse(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
