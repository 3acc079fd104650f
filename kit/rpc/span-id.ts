import { randomFillSync } from "node:crypto";

const idBytes = 8;
/** Many at once: asking the operating system for each would cost a third of a call in process. */
const pool = Buffer.alloc(idBytes * 512);
let offset = pool.length;

/** A new W3C span id: 16 hex digits, not all zero. */
export function createSpanId(): string {
  if (offset === pool.length) {
    randomFillSync(pool);
    offset = 0;
  }
  offset += idBytes;
  const id = pool.toString("hex", offset - idBytes, offset);
  return id === "0000000000000000" ? createSpanId() : id;
}
