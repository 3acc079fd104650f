import { byteOf, digitOf, isSpaceByte, isTokenByte, isValueByte, spellsName } from "./bytes.ts";
import { MalformedAnswer } from "./upstream-error.ts";

export const maxHeadBytes = 32_768;
export const maxFields = 200;

/** What every answer begins with that can be read here. */
export const protocol = Buffer.from("HTTP/1.", "latin1");

/** How the body of an answer ends (RFC 9112, 6.3). */
export type Framing = "none" | "length" | "chunked" | "until_close";

/** Status line and fields of an answer. */
export interface ResponseHead {
  readonly status: number;
  readonly framing: Framing;
  /** 0 unless `framing` is `length`. */
  readonly contentLength: number;
  /** False where this answer is the connection's last: it says so, is of HTTP/1.0, or ends by closing. */
  readonly isKept: boolean;
  /** `timeout` of `Keep-Alive`, in milliseconds. */
  readonly keepAliveMs: number | undefined;
  /** Values of the fields of that name, given in lower case, joined by ", "; undefined where there is none. */
  find(name: string): string | undefined;
}

/** What of the fields decides where the answer ends and whether the connection can be used again. */
interface Framers {
  contentLength: number | undefined;
  isChunked: boolean;
  isClosed: boolean;
  keepAliveMs: number | undefined;
}

/**
 * Reads a head that lies in `bytes` from `start` to `end`, its last empty line included. Throws `MalformedAnswer` for one
 * that two readers could understand differently: where an answer ends must not be a matter of opinion (RFC 9112, 11.1).
 */
export function parseResponseHead(bytes: Buffer, start: number, end: number, isHeadRequest = false): ResponseHead {
  if (end - start > maxHeadBytes) throw new MalformedAnswer("the head of the answer is too large");
  const isHttp10 = readVersion(bytes, start) === 0;
  const status = readStatus(bytes, start + 8);
  const fieldsStart = skipReason(bytes, start + 12);
  const framers: Framers = {
    contentLength: undefined,
    isChunked: false,
    isClosed: isHttp10,
    keepAliveMs: undefined,
  };
  let at = fieldsStart;
  let count = 0;
  while (bytes[at] !== byteOf.cr) {
    // A million fields are cut here; each would cost a comparison at every look-up.
    if (++count > maxFields) throw new MalformedAnswer("the answer has too many fields");
    at = readField(bytes, at, framers);
  }
  // The caller found the end by its empty line; a CR that stands anywhere else is a line end for some readers only.
  if (at + 2 !== end || bytes[at + 1] !== byteOf.lf) throw new MalformedAnswer("a line end in the head is not CRLF");
  // Transfer-Encoding beside Content-Length, or in HTTP/1.0, is how an answer is smuggled (RFC 9112, 6.1 and 6.3).
  if (framers.isChunked && (framers.contentLength !== undefined || isHttp10)) {
    throw new MalformedAnswer("Transfer-Encoding beside Content-Length or in HTTP/1.0");
  }
  const framing = framingOf(status, framers, isHeadRequest);
  // Copied now: the buffer is read into again as soon as this answer's reader returns. With the CRLF before the first field.
  const fields = bytes.toString("latin1", fieldsStart - 2, end);
  let lower: string | undefined;
  return {
    status,
    framing,
    contentLength: framing === "length" ? (framers.contentLength ?? 0) : 0,
    isKept: !framers.isClosed && framing !== "until_close",
    keepAliveMs: framers.keepAliveMs,
    find(name) {
      lower ??= fields.toLowerCase();
      return findField(fields, lower, name);
    },
  };
}

function framingOf(status: number, framers: Framers, isHeadRequest: boolean): Framing {
  // These have no body whatever their fields say (RFC 9110, 6.4.1): what follows is not theirs and kills the connection.
  if (status < 200 || status === 204 || status === 304 || isHeadRequest) return "none";
  if (framers.isChunked) return "chunked";
  if (framers.contentLength === undefined) return "until_close";
  return framers.contentLength === 0 ? "none" : "length";
}

function readVersion(bytes: Buffer, at: number): number {
  const minor = digitOf(bytes[at + 7]);
  // The name is case-sensitive; HTTP/0.9, HTTP/2 and other protocols have no head that could be read on.
  if (!startsWith(bytes, at, protocol) || minor < 0 || minor > 1) {
    throw new MalformedAnswer("the answer does not begin with HTTP/1.0 or HTTP/1.1");
  }
  return minor;
}

function startsWith(bytes: Buffer, start: number, wanted: Buffer): boolean {
  for (let n = 0; n < wanted.length; n++) if (bytes[start + n] !== wanted[n]) return false;
  return true;
}

function readStatus(bytes: Buffer, at: number): number {
  const hundreds = digitOf(bytes[at + 1]);
  const tens = digitOf(bytes[at + 2]);
  const ones = digitOf(bytes[at + 3]);
  if (bytes[at] !== byteOf.space || hundreds < 1 || hundreds > 5 || tens < 0 || ones < 0) {
    throw new MalformedAnswer("the status is not a number from 100 to 599");
  }
  return hundreds * 100 + tens * 10 + ones;
}

/** The reason says nothing. Its space may be missing where there is no reason: common, and not ambiguous. */
function skipReason(bytes: Buffer, start: number): number {
  let at = start;
  if (bytes[at] === byteOf.space) while (isValueByte(bytes[at])) at++;
  return afterLineEnd(bytes, at);
}

/** A bare CR or LF ends a line for some readers and not for others: only CRLF does here. */
function afterLineEnd(bytes: Buffer, at: number): number {
  if (bytes[at] !== byteOf.cr || bytes[at + 1] !== byteOf.lf) {
    throw new MalformedAnswer("a control character or a line end that is not CRLF");
  }
  return at + 2;
}

/** Reads one field line and gives where the next begins. */
function readField(bytes: Buffer, start: number, framers: Framers): number {
  let at = start;
  while (isTokenByte(bytes[at])) at++;
  const nameLength = at - start;
  // No name: a folded line (obs-fold), whose text belongs to the field above for some readers. A space before the colon:
  // another name for some. Both hide a Content-Length.
  if (nameLength === 0 || bytes[at] !== byteOf.colon) throw new MalformedAnswer("a field has no proper name");
  at++;
  while (isSpaceByte(bytes[at])) at++;
  const valueStart = at;
  while (isValueByte(bytes[at])) at++;
  const next = afterLineEnd(bytes, at);
  let valueEnd = at;
  while (valueEnd > valueStart && isSpaceByte(bytes[valueEnd - 1])) valueEnd--;
  if (nameLength === 14 && spellsName(bytes, start, "content-length")) {
    refuseTabs(bytes, valueEnd, at);
    readContentLength(bytes, valueStart, valueEnd, framers);
  } else if (nameLength === 17 && spellsName(bytes, start, "transfer-encoding")) {
    refuseTabs(bytes, valueEnd, at);
    readTransferEncoding(bytes, valueStart, valueEnd, framers);
  } else if (nameLength === 10 && spellsName(bytes, start, "connection")) {
    if (hasToken(bytes.toString("latin1", valueStart, valueEnd), "close")) framers.isClosed = true;
  } else if (nameLength === 10 && spellsName(bytes, start, "keep-alive")) {
    framers.keepAliveMs = readKeepAlive(bytes.toString("latin1", valueStart, valueEnd));
  }
  return next;
}

/** A tab behind a value is a space (RFC 9110, 5.5); llhttp counts it to the value, and frames the body in another way. */
function refuseTabs(bytes: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    if (bytes[at] === byteOf.tab) throw new MalformedAnswer("a tab behind a length or an encoding");
  }
}

/** Digits alone: "+5", "0x5", "5, 5" and "" mean different lengths to different readers. Fifteen of them are exact in a number. */
function readContentLength(bytes: Buffer, start: number, end: number, framers: Framers): void {
  if (end === start || end - start > 15) throw new MalformedAnswer("Content-Length is not a plain number");
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = digitOf(bytes[at]);
    if (digit < 0) throw new MalformedAnswer("Content-Length is not a plain number");
    length = length * 10 + digit;
  }
  // Which of two lengths counts is the classic of desynchronisation. RFC 9110, 8.6 would let two that are equal pass.
  if (framers.contentLength !== undefined) throw new MalformedAnswer("two Content-Lengths");
  framers.contentLength = length;
}

/** Exactly `chunked`, once: "gzip, chunked", "chunked, chunked" and "xchunked" are read differently from reader to reader. */
function readTransferEncoding(bytes: Buffer, start: number, end: number, framers: Framers): void {
  if (framers.isChunked || end - start !== 7 || !spellsName(bytes, start, "chunked")) {
    throw new MalformedAnswer("Transfer-Encoding is not exactly chunked");
  }
  framers.isChunked = true;
}

function hasToken(value: string, token: string): boolean {
  return value
    .toLowerCase()
    .split(",")
    .some((part) => part.trim() === token);
}

function readKeepAlive(value: string): number | undefined {
  const [, seconds] = /(?:^|[\s,;])timeout=(\d{1,6})(?![\d.])/i.exec(value) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}

/** The lines are checked by now: only CRLF ends one, and none is folded, so what stands behind a CRLF is a field's name. */
function findField(fields: string, lower: string, name: string): string | undefined {
  const wanted = `\r\n${name}:`;
  let found: string | undefined;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + 2)) {
    const start = at + wanted.length;
    const value = withoutSpaces(fields, start, fields.indexOf("\r\n", start));
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** By hand: a pattern for the spaces at the end takes quadratic time over 30,000 of them in the middle. */
function withoutSpaces(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isSpaceByte(text.charCodeAt(from))) from++;
  while (to > from && isSpaceByte(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}
