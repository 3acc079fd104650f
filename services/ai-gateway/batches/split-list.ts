import { setImmediate } from "node:timers/promises";
import { parseBodyExact } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { toCamel } from "../dialects/gemini/content-fields.ts";

/** A JSON object without the list within it, and the bytes of that list's items. */
export interface SplitList {
  readonly rest: Readonly<Record<string, unknown>>;
  /** Each is as it was written; it is looked at when it is parsed. */
  readonly items: readonly Buffer[];
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
/** So much is looked at before others have their turn. */
const bytesPerTurn = 131_072;
/** What stands beside a list is parsed at one go. */
const maxRestBytes = 65_536;

/**
 * Cuts a body at the list that stands at `path`, in turns of the event loop: a body of many megabytes is never parsed as a whole. A
 * list that is not there is empty. Names of fields count in both of Google's spellings. Throws `invalid_json`, and `invalid_request` for
 * more than `maxItems`, for a list that stands there twice, and for too much beside it.
 */
export async function splitList(body: Buffer, path: readonly string[], maxItems: number): Promise<SplitList> {
  const place = path.join(".");
  const items: Buffer[] = [];
  let list: { readonly start: number; readonly end: number } | undefined;
  let turnAt = bytesPerTurn;

  async function takeTurn(at: number): Promise<void> {
    if (at < turnAt) return;
    turnAt = at + bytesPerTurn;
    await setImmediate();
  }

  async function skipValue(start: number): Promise<number> {
    if (body[start] === quote) return endOfString(body, start);
    let depth = 0;
    for (let at = start; at < body.length; ) {
      if (at >= turnAt) await takeTurn(at);
      const byte = body[at] ?? 0;
      if (depth === 0 && endsPlain(byte)) return at;
      depth += stepOf(byte);
      at = byte === quote ? endOfString(body, at) : at + 1;
      if (depth === 0 && (byte === closeBrace || byte === closeBracket)) return at;
    }
    return body.length;
  }

  async function cutItems(start: number): Promise<number> {
    let at = skipSpace(body, start + 1);
    while (at < body.length && body[at] !== closeBracket) {
      const end = await skipValue(at);
      if (items.length === maxItems || end === at) {
        throw refuseField(place, `must be a list of at most ${maxItems}`, `必须是最多 ${maxItems} 项的列表`);
      }
      items.push(body.subarray(at, end));
      at = skipSpace(body, end);
      if (body[at] !== comma) break;
      at = skipSpace(body, at + 1);
    }
    list = { start, end: at + 1 };
    return at + 1;
  }

  /** Gives where the object ends. What is no object, or broken off, shows when the rest is parsed. */
  async function walk(start: number, names: readonly string[]): Promise<number> {
    let at = skipSpace(body, start + 1);
    while (body[at] === quote) {
      const keyEnd = endOfString(body, at);
      const name = body.toString("utf8", at + 1, Math.min(keyEnd - 1, at + 65));
      at = skipSpace(body, keyEnd);
      if (body[at] !== colon) return at;
      at = skipSpace(body, at + 1);
      const isNamed = toCamel(name) === names[0];
      if (isNamed && names.length > 1 && body[at] === openBrace) at = await walk(at, names.slice(1));
      else if (isNamed && names.length === 1 && body[at] === openBracket) {
        if (list) throw refuseField(place, "may stand only once", "只能出现一次");
        at = await cutItems(at);
      } else at = await skipValue(at);
      at = skipSpace(body, at);
      if (body[at] !== comma) break;
      at = skipSpace(body, at + 1);
    }
    return at + 1;
  }

  const first = skipSpace(body, 0);
  if (body[first] === openBrace) await walk(first, path);
  const { start, end } = list ?? { start: body.length, end: body.length };
  if (start + body.length - end > maxRestBytes) {
    throw refuseField(place, "must be a list, with little beside it", "必须是列表，且其外不应有大量内容");
  }
  const around = [body.subarray(0, start), Buffer.from(list ? "[]" : ""), body.subarray(end)];
  return { rest: parseBodyExact(Buffer.concat(around)), items };
}

/** How much deeper it is behind a byte. */
function stepOf(byte: number): number {
  if (byte === openBrace || byte === openBracket) return 1;
  return byte === closeBrace || byte === closeBracket ? -1 : 0;
}

/** True for what ends a number, true, false or null. */
function endsPlain(byte: number): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || byte <= 0x20;
}

function skipSpace(body: Buffer, at: number): number {
  let i = at;
  while (i < body.length && (body[i] ?? 0) <= 0x20) i++;
  return i;
}

/** Behind the quote that ends the string which begins at `start`. */
function endOfString(body: Buffer, start: number): number {
  for (let at = body.indexOf(quote, start + 1); at !== -1; at = body.indexOf(quote, at + 1)) {
    let slashes = 0;
    while (body[at - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return body.length;
}
