import {
  byteAt,
  closeBrace,
  closeBracket,
  maxDepth,
  notJson,
  openBrace,
  openBracket,
  quote,
  skipString,
  toJsonBytes,
} from "./json-bytes.ts";

/**
 * What the JSON of one call may hold. A conversation of a million tokens has some ten thousand names, none of its objects more than some
 * hundred; a list of token numbers up to 300,000 values.
 */
export const jsonLimits = { levels: maxDepth, names: 50_000, names_in_one: 5_000, values: 1_000_000 } as const;
export type JsonExcess = keyof typeof jsonLimits;

/** A body that is no longer holds neither more names nor more values than it may. */
export const smallJsonBytes = 25_000;

const comma = 0x2c;
const colon = 0x3a;

/**
 * What a body has too much of, found before it is parsed: a million different names hold the event loop for seconds while an object is built
 * of them (a request bomb). Undefined also for what is no JSON, as far as it would be read.
 */
export function findExcess(body: Uint8Array): JsonExcess | undefined {
  const json = toJsonBytes(body);
  const namesAt = new Uint32Array(maxDepth + 1);
  let [levels, names, values] = [0, 0, 0];
  for (let at = 0; at < json.length; ) {
    const byte = byteAt(json, at);
    if (byte === quote) {
      at = skipString(json, at);
      if (at === notJson) return undefined;
      continue;
    }
    if (byte === comma && ++values > jsonLimits.values) return "values";
    if (byte === colon) {
      if (++names > jsonLimits.names) return "names";
      namesAt[levels] = (namesAt[levels] ?? 0) + 1;
      if ((namesAt[levels] ?? 0) > jsonLimits.names_in_one) return "names_in_one";
    }
    if (byte === openBrace || byte === openBracket) {
      if (++levels > jsonLimits.levels) return "levels";
      namesAt[levels] = 0;
    }
    if (byte === closeBrace || byte === closeBracket) levels--;
    at++;
  }
  return undefined;
}
