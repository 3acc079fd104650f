import { inflateSync } from "node:zlib";

const headerBytes = 44;
const entryBytes = 20;
const signature = 0x774f4646;

/** The tables of a font in WOFF 1.0 (w3.org/TR/WOFF), by their tags. Throws a RangeError or TypeError for what is none. */
export function unpackWoff(file: Buffer): ReadonlyMap<string, Buffer> {
  if (file.readUInt32BE(0) !== signature) throw new TypeError("this is no WOFF file");
  const tables = new Map<string, Buffer>();
  const count = file.readUInt16BE(12);
  for (let i = 0; i < count; i++) {
    const at = headerBytes + i * entryBytes;
    const [start, packed, length] = [file.readUInt32BE(at + 4), file.readUInt32BE(at + 8), file.readUInt32BE(at + 12)];
    const bytes = file.subarray(start, start + packed);
    // A table that would not get smaller stands as it is.
    tables.set(file.toString("latin1", at, at + 4), packed < length ? inflateSync(bytes) : bytes);
  }
  return tables;
}
