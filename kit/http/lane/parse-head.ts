import { isPlainHost } from "../request-head.ts";
import { equalsFolded, findHeader, type HeadTable, headerRole, type KnownHeader } from "./head-table.ts";

/** Why a request is not hot. A label of metrics; nobody outside reads it. */
export type Refusal =
  | "target"
  | "syntax"
  | "host"
  | "length"
  | "connection"
  | "held_back"
  | "twice"
  | "too_large"
  | "too_many_headers";

/** A head that can be read in one way only. */
export interface HotHead {
  readonly targetIndex: number;
  /** Where the wanted headers stand: start and end of each value in the order of the table, −1 for one that was not sent. */
  readonly values: number[];
  /** One bit for each known header that was sent. */
  seen: number;
  hasHost: boolean;
  /** Where the body begins. */
  endOffset: number;
  /** What Content-Length says, 0 for a GET; −1 until it is known. */
  bodyBytes: number;
}

export interface HeadLimits {
  /** Not above the ordinary server's `maxHeaderBytes`. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** A request whose body is larger is not hot. */
  readonly maxBodyBytes: number;
}

/**
 * What the bytes from `start` to `end` begin with: a hot head, a part of what may become one (`"more"`), or the reason
 * why not. Never reads on after the first doubt. Bounded by `maxHeadBytes`.
 */
export type ParseHead = (bytes: Uint8Array, start: number, end: number) => HotHead | Refusal | "more";

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const space = 0x20;
const colon = 0x3a;
const zero = 0x30;
const keepAlive = Buffer.from("keep-alive");
/** 9,999,999,999: more than any limit, and far from where numbers get inexact. */
const maxLengthDigits = 10;

/** RFC 9110, 5.6.2. Not in it: the space before a colon that one server takes for a part of the name and another does not. */
const isTokenByte = new Uint8Array(256);
for (const byte of Buffer.from("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
  isTokenByte[byte] = 1;
}

/** A parser of the heads that the table describes. */
export function createHeadParser(table: HeadTable, limits: HeadLimits): ParseHead {
  const { maxHeadBytes, maxHeaders, maxBodyBytes } = limits;
  const noValues: readonly number[] = Array<number>(table.wantedCount * 2).fill(-1);

  function parseHead(bytes: Uint8Array, start: number, end: number): HotHead | Refusal | "more" {
    const limit = Math.min(end, start + maxHeadBytes);
    const unfinished = end - start >= maxHeadBytes ? "too_large" : "more";
    const targetIndex = matchRequestLine(table.requestLines, bytes, start, limit);
    if (targetIndex === noTarget) return "target";
    if (targetIndex === partOfTarget) return unfinished;
    const values = noValues.slice();
    const head: HotHead = { targetIndex, values, seen: 0, hasHost: false, endOffset: 0, bodyBytes: -1 };
    let at = start + (table.requestLines[targetIndex] as Uint8Array).length;
    // Bounds the work on one head; and a server that keeps only so many headers would drop the rest without a word.
    for (let count = 0; count <= maxHeaders; count++) {
      const next = bytes[at] === carriageReturn ? skipLineEnd(bytes, at, limit) : readHeader(head, bytes, at, limit);
      if (typeof next === "string") return next;
      if (next === notYet) return unfinished;
      if (next === noLineEnd) return "syntax";
      // Nothing but a line end: an empty line.
      if (next === at + 2) return checkWhole(head, table, next);
      at = next;
    }
    return "too_many_headers";
  }

  /** Reads one header line; gives where the next one begins. */
  function readHeader(head: HotHead, bytes: Uint8Array, start: number, limit: number): number | Refusal {
    const nameEnd = skipToken(bytes, start, limit);
    if (nameEnd === limit) return notYet;
    // No name at all is a folded line (RFC 9112, 5.2), which some servers join to the header before. A space before the
    // colon (5.1) is a part of the name for some and nothing for others.
    if (nameEnd === start || bytes[nameEnd] !== colon) return "syntax";
    const valueStart = skipSpaces(bytes, nameEnd + 1, limit);
    const lineEnd = skipVisible(bytes, valueStart, limit);
    const next = skipLineEnd(bytes, lineEnd, limit);
    if (next < 0) return next;
    const known = findHeader(table, bytes, start, nameEnd);
    // A name that decides nothing is ignored by the ordinary way too, however often it comes.
    if (known === undefined) return next;
    return take(head, known, bytes, valueStart, trimSpaces(bytes, valueStart, lineEnd), maxBodyBytes) ?? next;
  }

  return parseHead;
}

const notYet = -1;
const noLineEnd = -2;

/** Where the next line begins. A bare LF, or a CR without one, ends a line for some servers and is a part of it for others. */
function skipLineEnd(bytes: Uint8Array, at: number, limit: number): number {
  if (at === limit) return notYet;
  if (bytes[at] !== carriageReturn) return noLineEnd;
  if (at + 1 === limit) return notYet;
  return bytes[at + 1] === lineFeed ? at + 2 : noLineEnd;
}

function skipToken(bytes: Uint8Array, start: number, limit: number): number {
  let at = start;
  while (at < limit && isTokenByte[bytes[at] as number] === 1) at++;
  return at;
}

function skipSpaces(bytes: Uint8Array, start: number, limit: number): number {
  let at = start;
  while (at < limit && bytes[at] === space) at++;
  return at;
}

/** Stops at controls, which other servers cut at, skip or keep, and at bytes above ASCII, which they decode differently. */
function skipVisible(bytes: Uint8Array, start: number, limit: number): number {
  let at = start;
  while (at < limit && (bytes[at] as number) >= space && (bytes[at] as number) < 0x7f) at++;
  return at;
}

function trimSpaces(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === space) at--;
  return at;
}

const noTarget = -1;
const partOfTarget = -2;

/**
 * The target whose request line the bytes begin with. Byte for byte: another method, case, spelling of the path, query,
 * version or line end is none, and so is the absolute form, whose host another server may prefer to the header's.
 */
function matchRequestLine(lines: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): number {
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as Uint8Array;
    const length = Math.min(line.length, end - start);
    let at = 0;
    while (at < length && bytes[start + at] === line[at]) at++;
    if (at === line.length) return index;
    if (at === end - start) return partOfTarget;
  }
  return noTarget;
}

/** Notes a header that decides something. */
function take(
  head: HotHead,
  { role, bit }: KnownHeader,
  bytes: Uint8Array,
  start: number,
  end: number,
  maxBodyBytes: number,
): Refusal | undefined {
  // Of two lengths, hosts or credentials one server takes the first and another the last.
  if ((head.seen & bit) !== 0) return "twice";
  head.seen |= bit;
  if (role >= 0) {
    head.values[role * 2] = start;
    head.values[role * 2 + 1] = end;
    return undefined;
  }
  if (role === headerRole.contentLength) {
    head.bodyBytes = readLength(bytes, start, end);
    if (head.bodyBytes < 0) return "length";
    return head.bodyBytes > maxBodyBytes ? "too_large" : undefined;
  }
  if (role === headerRole.host) {
    head.hasHost = true;
    return isPlainHost(toText(bytes, start, end)) ? undefined : "host";
  }
  if (role === headerRole.connection) {
    // `close` ends the connection, `upgrade` makes another of it, and any other word names headers to be dropped.
    const isKept = end - start === keepAlive.length && equalsFolded(bytes, start, keepAlive);
    return isKept ? undefined : "connection";
  }
  return role === headerRole.heldBack ? "held_back" : undefined;
}

/** The number that plain digits say, −1 for anything else: a sign, a list, a zero in front, more than ten digits. */
function readLength(bytes: Uint8Array, start: number, end: number): number {
  const digits = end - start;
  // "010" is eight for whoever reads it as octal, "+1" and "1,1" are one for whoever is lenient, "0x1" is nothing or one.
  if (digits < 1 || digits > maxLengthDigits || (digits > 1 && bytes[start] === zero)) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] as number) - zero;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

/**
 * Without a length a body would end where the connection does; without a host the request is not HTTP/1.1. With a length a
 * GET has a body that means nothing (RFC 9110, 9.3.1): some servers skip it, others read it as the next request.
 */
function checkWhole(head: HotHead, { takesBody }: HeadTable, endOffset: number): HotHead | Refusal {
  head.endOffset = endOffset;
  if (head.bodyBytes >= 0 !== takesBody[head.targetIndex]) return "length";
  head.bodyBytes = Math.max(0, head.bodyBytes);
  return head.hasHost ? head : "host";
}

function toText(bytes: Uint8Array, start: number, end: number): string {
  return (bytes as Buffer).toString("latin1", start, end);
}
