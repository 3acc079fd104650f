import { randomBytes } from "node:crypto";
import type { Apart } from "./json-size.ts";
import { replaceTexts } from "./replace-texts.ts";

/** A body, and what `findExcess` found in it that may be built apart. */
export interface JsonSource {
  readonly body: Buffer;
  readonly apart: readonly Apart[];
  /** What is put where a long number stands; undefined leaves it to the engine. */
  numberOf(source: string): unknown;
}

/** Stands for what is apart. Nobody outside knows it, so that no text of a caller's can pass as one. */
const mark = randomBytes(16).toString("base64url");
const marks = new RegExp(`${mark}(\\d+);`);

interface Piece {
  readonly apart: Apart;
  readonly value: unknown;
}

/**
 * As JSON.parse of the body, which must be UTF-8. Long plain texts, such as images, are decoded once and put in afterwards: the engine would
 * copy them another time while all other calls wait. A SyntaxError names the place in the body (`placeOf`).
 */
export function buildJson({ body, apart, numberOf }: JsonSource): unknown {
  const parts: string[] = [];
  const pieces: Piece[] = [];
  let copied = 0;
  for (const one of apart) {
    const value = one.isNumber ? numberOf(body.toString("latin1", one.start, one.end)) : undefined;
    if (one.isNumber && value === undefined) continue;
    const standIn = `${mark}${pieces.length};`;
    parts.push(body.toString("utf8", copied, one.start), one.isNumber ? `"${standIn}"` : standIn);
    pieces.push({ apart: one, value });
    copied = one.end;
  }
  const text = parts.join("") + body.toString("utf8", copied);
  try {
    return pieces.length === 0 ? JSON.parse(text) : replaceTexts(JSON.parse(text), (one) => whole(one, pieces, body));
  } catch (err) {
    throw err instanceof SyntaxError && pieces.length > 0 ? inTheBody(err, parts, pieces, body) : err;
  }
}

/** The character of the body where it stops to be JSON; undefined where it ends too early. */
export function placeOf(err: SyntaxError): number | undefined {
  const position = /position (\d+)/.exec(err.message)?.[1];
  return position === undefined ? undefined : Number(position);
}

/** A text with what stood apart in it, or the number that stands for it; undefined where there is neither. */
function whole(text: string, pieces: readonly Piece[], body: Buffer): unknown {
  if (!text.includes(mark)) return undefined;
  const number = text.startsWith(mark) ? pieces[Number(text.slice(mark.length, -1))] : undefined;
  if (number?.apart.isNumber) return number.value;
  let joined = "";
  for (const [at, part] of text.split(marks).entries()) {
    const piece = at % 2 === 1 ? pieces[Number(part)] : undefined;
    joined += piece ? body.toString("utf8", piece.apart.start, piece.apart.end) : part;
  }
  return joined;
}

/** The same error at the place of the body that the engine would have named. */
function inTheBody(err: SyntaxError, parts: readonly string[], pieces: readonly Piece[], body: Buffer): SyntaxError {
  const place = placeOf(err);
  if (place === undefined) return err;
  let [at, more] = [0, 0];
  for (const [index, { apart }] of pieces.entries()) {
    const before = parts[index * 2] ?? "";
    const standIn = parts[index * 2 + 1] ?? "";
    if (at + before.length + standIn.length > place) break;
    at += before.length + standIn.length;
    more += body.toString("utf8", apart.start, apart.end).length - standIn.length;
  }
  return new SyntaxError(`no JSON at position ${place + more}`);
}
