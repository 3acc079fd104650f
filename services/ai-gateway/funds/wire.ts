/**
 * The parts of protobuf's wire format that usage facts are made of (https://protobuf.dev/programming-guides/encoding/). Each writes a
 * field into `bytes` from `at` on and gives where it ends; a field that has its default is not written.
 */

/** Where a field of a message is read, and what was read of it. */
export interface WireReader {
  readonly bytes: Buffer;
  at: number;
}

/** What takes more bytes is not read here: 2^49 and more, and every negative number. */
const maxReadBytes = 7;
/** Said in place of a number that is not read here, or not whole. */
export const unreadable = -1;

/** A tag, and a varint of 64 bits. */
export const varintFieldBytes = 12;
const varintType = 0;
const lengthDelimitedType = 2;
const mostExact = BigInt(Number.MAX_SAFE_INTEGER);

export function writeTextField(bytes: Buffer, at: number, field: number, text: string): number {
  if (text === "") return at;
  const start = writeTag(bytes, at, field, lengthDelimitedType);
  // Nearly all texts are short and ASCII: written as they are read, they need no call into V8 each.
  const { length } = text;
  if (length <= 127) {
    let index = 0;
    for (; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 127) break;
      bytes[start + 1 + index] = code;
    }
    if (index === length) {
      bytes[start] = length;
      return start + 1 + length;
    }
  }
  const textAt = writeVarint(bytes, start, Buffer.byteLength(text));
  return textAt + bytes.write(text, textAt);
}

/** What a text takes at most: each of its UTF-16 units takes up to three bytes. */
export function textFieldBytes(text: string): number {
  return 7 + 3 * text.length;
}

/** A field of type int32, bool or of an enum. */
export function writeIntField(bytes: Buffer, at: number, field: number, value: number): number {
  if (value === 0) return at;
  const valueAt = writeTag(bytes, at, field, varintType);
  return value > 0 ? writeVarint(bytes, valueAt, value) : writeLargeVarint(bytes, valueAt, BigInt(value));
}

export function writeInt64Field(bytes: Buffer, at: number, field: number, value: bigint): number {
  if (value === 0n) return at;
  const valueAt = writeTag(bytes, at, field, varintType);
  return value > 0n && value <= mostExact
    ? writeVarint(bytes, valueAt, Number(value))
    : writeLargeVarint(bytes, valueAt, value);
}

/** The tag of a message, whose length and bytes follow. */
export function writeMessageTag(bytes: Buffer, at: number, field: number): number {
  return writeTag(bytes, at, field, lengthDelimitedType);
}

/** A whole number from 0 to 2^53 − 1. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let end = at;
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 128;
  bytes[end++] = rest;
  return end;
}

/** One that is negative or larger: as the 64 bits of its two's complement. */
function writeLargeVarint(bytes: Buffer, at: number, value: bigint): number {
  let end = at;
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) bytes[end++] = Number(rest & 127n) | 128;
  bytes[end++] = Number(rest);
  return end;
}

function writeTag(bytes: Buffer, at: number, field: number, type: number): number {
  return writeVarint(bytes, at, (field << 3) | type);
}

/** The whole number that stands next; `unreadable` for one that is too large or goes beyond `end`. */
export function readVarint(reader: WireReader, end: number): number {
  const { bytes } = reader;
  let value = 0;
  let factor = 1;
  const stop = Math.min(end, reader.at + maxReadBytes);
  for (let at = reader.at; at < stop; at++) {
    const byte = bytes[at] as number;
    value += (byte & 127) * factor;
    if (byte < 128) {
      reader.at = at + 1;
      return value;
    }
    factor *= 128;
  }
  return unreadable;
}

/** Where what stands next ends, behind its length; `unreadable` where it goes beyond `end`. */
export function readLength(reader: WireReader, end: number): number {
  const length = readVarint(reader, end);
  return length === unreadable || reader.at + length > end ? unreadable : reader.at + length;
}
