import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";

/** Room is made at once only for so much: a provider may say any length. */
const maxPreparedBytes = 1_048_576;

/** Puts a body together from bytes that are lent. */
export interface BodyCollector {
  /** Throws a RangeError, with nothing taken, when the body passes its limit. */
  add(bytes: Buffer): void;
  /** All of it, once. */
  take(): Buffer;
}

export function createBodyCollector({ framing, contentLength }: ResponseHead, maxBytes: number): BodyCollector {
  const isPrepared = framing === "length" && contentLength <= Math.min(maxPreparedBytes, maxBytes);
  const whole = isPrepared ? Buffer.allocUnsafe(contentLength) : undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    add(bytes) {
      if (size + bytes.length > maxBytes) throw new RangeError(`an answer exceeds ${maxBytes} bytes`);
      if (whole) whole.set(bytes, size);
      else chunks.push(Buffer.from(bytes));
      size += bytes.length;
    },
    take: () => whole ?? Buffer.concat(chunks, size),
  };
}
