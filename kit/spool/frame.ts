import { crc32 } from "node:zlib";

/** Before each record: its length and the CRC-32 of its bytes, both 32 bits, little-endian. */
export const frameHeadBytes = 8;
export const maxRecordBytes = 1_048_576;

/** Throws a RangeError for an empty record and for one of more than 1 MiB. */
export function checkRecord(record: Uint8Array): void {
  if (record.length > 0 && record.length <= maxRecordBytes) return;
  throw new RangeError(`a record has 1 to ${maxRecordBytes} bytes, not ${record.length}`);
}

/** Writes the head of a record that lies behind it. */
export function writeHead(bytes: Buffer, at: number, record: Uint8Array): void {
  bytes.writeUInt32LE(record.length, at);
  bytes.writeUInt32LE(crc32(record), at + 4);
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
