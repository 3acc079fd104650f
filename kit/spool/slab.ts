import { checkRecord, frameHeadBytes, writeHead } from "./frame.ts";
import { checkEnd, type RecordFormat } from "./record-format.ts";

/**
 * Where records lie in memory, one behind the other and each behind its head: as they lie in the file. So what one turn of the
 * event loop appends is written as it is, and a record costs no buffer of its own.
 */
export interface Slabs {
  /** Writes a record, and gives it. Throws a RangeError, with nothing added, for an empty one or one of more than 1 MiB. */
  add<T>(format: RecordFormat<T>, subject: T): Buffer;
  /** What was added since it was taken last, in order, with the heads. */
  take(): readonly Buffer[];
}

/** A record that is wanted for long keeps as much memory. */
const slabBytes = 16_384;

export function createSlabs(): Slabs {
  let slab = Buffer.alloc(0);
  let takenTo = 0;
  let usedTo = 0;
  let full: Buffer[] = [];

  function makeRoom(neededBytes: number): void {
    if (usedTo + neededBytes <= slab.length) return;
    if (usedTo > takenTo) full.push(slab.subarray(takenTo, usedTo));
    slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, neededBytes));
    takenTo = 0;
    usedTo = 0;
  }

  return {
    add(format, subject) {
      const maxBytes = format.maxBytes(subject);
      makeRoom(frameHeadBytes + maxBytes);
      const start = usedTo + frameHeadBytes;
      const end = checkEnd(format.write(subject, slab, start), start + maxBytes);
      const record = slab.subarray(start, end);
      checkRecord(record);
      writeHead(slab, usedTo, record);
      usedTo = end;
      return record;
    },
    take() {
      const parts = full;
      full = [];
      if (usedTo > takenTo) parts.push(slab.subarray(takenTo, usedTo));
      takenTo = usedTo;
      return parts;
    },
  };
}
