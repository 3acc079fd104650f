import { crc32 } from "node:zlib";

/** Before each record: its length and the CRC-32 of its bytes, both 32 bits, little-endian. */
export const frameHeadBytes = 8;
export const maxRecordBytes = 1_048_576;

/** A record with its head. Throws a RangeError for an empty one and for more than 1 MiB. */
export function toFrame(record: Uint8Array): Buffer {
  if (record.length === 0 || record.length > maxRecordBytes) {
    throw new RangeError(`a record has 1 to ${maxRecordBytes} bytes, not ${record.length}`);
  }
  const frame = Buffer.allocUnsafe(frameHeadBytes + record.length);
  frame.writeUInt32LE(record.length, 0);
  frame.writeUInt32LE(crc32(record), 4);
  frame.set(record, frameHeadBytes);
  return frame;
}

/** What a file holds: its whole records, and how many bytes they take. What follows was torn by a crash, or is damaged. */
export function readFrames(bytes: Buffer): { readonly records: readonly Buffer[]; readonly validBytes: number } {
  const records: Buffer[] = [];
  let at = 0;
  while (at + frameHeadBytes <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + frameHeadBytes + length;
    if (length === 0 || length > maxRecordBytes || end > bytes.length) break;
    const record = bytes.subarray(at + frameHeadBytes, end);
    if (crc32(record) !== bytes.readUInt32LE(at + 4)) break;
    records.push(record);
    at = end;
  }
  return { records, validBytes: at };
}
