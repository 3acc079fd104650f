/** How something is written as a record. */
export interface RecordFormat<T> {
  /** A record of it is never longer. */
  maxBytes(subject: T): number;
  /** Writes it into `bytes` from `at` on, where there is room for as much; gives where it ends. */
  write(subject: T, bytes: Buffer, at: number): number;
}

/** Of bytes that are a record already. */
export const asIs: RecordFormat<Uint8Array> = {
  maxBytes: (record) => record.length,
  write(record, bytes, at) {
    bytes.set(record, at);
    return at + record.length;
  },
};

/** A record by itself. Throws a RangeError for one that is longer than its format says. */
export function toBytes<T>(format: RecordFormat<T>, subject: T): Buffer {
  const maxBytes = format.maxBytes(subject);
  const bytes = Buffer.allocUnsafeSlow(maxBytes);
  return bytes.subarray(0, checkEnd(format.write(subject, bytes, 0), maxBytes));
}

/** What is written beyond the end of a buffer is lost without a word. */
export function checkEnd(end: number, mostEnd: number): number {
  if (end <= mostEnd) return end;
  throw new RangeError(`a record is ${end - mostEnd} bytes longer than its format says`);
}
