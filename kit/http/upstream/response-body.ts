import { byteOf, hexDigitOf, isTokenByte, isValueByte } from "./bytes.ts";
import type { ResponseHead } from "./response-head.ts";
import { MalformedAnswer } from "./upstream-error.ts";

/** 2^48 − 1 bytes: longer than any chunk, and exact in a number. Leading zeros count, so that a size cannot go on for ever. */
export const maxSizeDigits = 12;
export const maxExtensionBytes = 1_024;
export const maxTrailerBytes = 8_192;

/** Where a reader stands in the chunked coding (RFC 9112, 7.1). */
type Place =
  /** First digit of a chunk's size. */
  | "size"
  /** Further digits. */
  | "size_more"
  | "extension"
  | "size_lf"
  | "data"
  | "data_cr"
  | "data_lf"
  /** First byte of a trailer's line. */
  | "trailer"
  | "trailer_name"
  | "trailer_value"
  | "trailer_lf"
  | "last_lf";

/** How far the body of one answer has been read. */
export interface BodyState {
  framing: ResponseHead["framing"];
  isDone: boolean;
  /** Bytes that the body, or the chunk, still has. */
  left: number;
  place: Place;
  sizeDigits: number;
  /** Of an extension, or of all trailers. */
  extraBytes: number;
  /** What has come of a trailer's name, in lower case; no more than it takes to know it for a framing field's. */
  trailerName: string;
}

export function createBodyState(): BodyState {
  return { framing: "none", isDone: true, left: 0, place: "size", sizeDigits: 0, extraBytes: 0, trailerName: "" };
}

/** Sets a state to the beginning of the body that follows `head`. */
export function startBody(state: BodyState, head: Pick<ResponseHead, "framing" | "contentLength">): void {
  state.framing = head.framing;
  state.isDone = head.framing === "none";
  state.left = head.contentLength;
  state.place = "size";
  state.sizeDigits = 0;
  state.extraBytes = 0;
  state.trailerName = "";
}

/** A piece of data lies in the bytes being read from `start` to `end`. */
export type OnData = (start: number, end: number) => void;

/**
 * Reads what of `bytes`, from `start` to `end`, belongs to the body, and gives each piece of data by its place, in order and
 * never empty. Returns where it stopped: `end`, or before that where the body ended. Throws `MalformedAnswer`; what was
 * given by then is good.
 */
export function readBody(state: BodyState, bytes: Buffer, start: number, end: number, onData: OnData): number {
  if (state.isDone || start === end) return start;
  if (state.framing === "chunked") return readChunks(state, bytes, start, end, onData);
  if (state.framing === "until_close") {
    onData(start, end);
    return end;
  }
  const stop = Math.min(end, start + state.left);
  state.left -= stop - start;
  state.isDone = state.left === 0;
  onData(start, stop);
  return stop;
}

function readChunks(state: BodyState, bytes: Buffer, start: number, end: number, onData: OnData): number {
  let at = start;
  while (at < end && !state.isDone) {
    if (state.place === "data") {
      const stop = Math.min(end, at + state.left);
      state.left -= stop - at;
      if (state.left === 0) state.place = "data_cr";
      onData(at, stop);
      at = stop;
    } else {
      readFrameByte(state, bytes[at] ?? 0);
      at++;
    }
  }
  return at;
}

/** Takes one byte that is not data. */
function readFrameByte(state: BodyState, byte: number): void {
  switch (state.place) {
    case "size":
    case "size_more":
      readSizeByte(state, byte);
      return;
    case "extension":
      // A CR within is a line end for some readers: it has to be followed by LF. An endless extension (CVE-2024-22019) is cut.
      if (byte === byteOf.cr) state.place = "size_lf";
      else if (!isValueByte(byte)) throw new MalformedAnswer("a control character in a chunk's extension");
      else countExtra(state, maxExtensionBytes, "a chunk's extension is too long");
      return;
    case "size_lf":
      expect(byte, byteOf.lf);
      // The last chunk has no data: trailers follow.
      state.place = state.left === 0 ? "trailer" : "data";
      state.extraBytes = 0;
      return;
    case "data_cr":
      // A chunk that is longer than it says would put its own bytes where the next size is read.
      expect(byte, byteOf.cr);
      state.place = "data_lf";
      return;
    case "data_lf":
      expect(byte, byteOf.lf);
      state.place = "size";
      return;
    default:
      readTrailerByte(state, byte);
  }
}

/** Hexadecimal digits alone: "0x5", "+5", " 5" and "5 " mean different sizes to different readers. */
function readSizeByte(state: BodyState, byte: number): void {
  const digit = hexDigitOf(byte);
  if (state.place === "size") {
    if (digit < 0) throw new MalformedAnswer("a chunk's size is not a hexadecimal number");
    state.left = digit;
    state.sizeDigits = 1;
    state.place = "size_more";
    return;
  }
  if (digit >= 0) {
    if (++state.sizeDigits > maxSizeDigits) throw new MalformedAnswer("a chunk's size has too many digits");
    state.left = state.left * 16 + digit;
    return;
  }
  if (byte === byteOf.cr) state.place = "size_lf";
  else if (byte === byteOf.semicolon) state.place = "extension";
  else throw new MalformedAnswer("a chunk's size is not a hexadecimal number");
}

/** Trailers are read like fields and dropped: nothing that comes after the body may decide about it. */
function readTrailerByte(state: BodyState, byte: number): void {
  countExtra(state, maxTrailerBytes, "the trailers are too long");
  switch (state.place) {
    case "trailer":
      if (byte === byteOf.cr) state.place = "last_lf";
      // A folded line, or one without a name.
      else {
        state.trailerName = "";
        state.place = "trailer_name";
        readTrailerName(state, byte);
      }
      return;
    case "trailer_name":
      if (byte === byteOf.colon) endTrailerName(state);
      else readTrailerName(state, byte);
      return;
    case "trailer_value":
      if (byte === byteOf.cr) state.place = "trailer_lf";
      else if (!isValueByte(byte)) throw new MalformedAnswer("a control character in a trailer");
      return;
    case "trailer_lf":
      expect(byte, byteOf.lf);
      state.place = "trailer";
      return;
    default:
      expect(byte, byteOf.lf);
      state.isDone = true;
  }
}

/** Of framing fields the longest name, `transfer-encoding`, and one byte more. */
const keptNameLength = 18;

function readTrailerName(state: BodyState, byte: number): void {
  if (!isTokenByte(byte)) throw new MalformedAnswer("a trailer has no proper name");
  if (state.trailerName.length < keptNameLength) state.trailerName += String.fromCharCode(byte).toLowerCase();
}

/** A length that comes after its body is no sender's (RFC 9110, 6.5.1), and some readers believe it. */
function endTrailerName(state: BodyState): void {
  const { trailerName } = state;
  if (trailerName === "content-length" || trailerName === "transfer-encoding") {
    throw new MalformedAnswer("a length or an encoding in the trailers");
  }
  state.place = "trailer_value";
}

function countExtra(state: BodyState, maxBytes: number, reason: string): void {
  if (++state.extraBytes > maxBytes) throw new MalformedAnswer(reason);
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw new MalformedAnswer("a line end in the body is not CRLF");
}
