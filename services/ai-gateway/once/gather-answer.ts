import type { AnswerRecord } from "./call-once.ts";

/** Holds an answer for whoever made the call here. */
export interface GatheredAnswer extends AnswerRecord {
  /** Undefined where there is none, and for one of more than was to be held. */
  bytes(): Buffer | undefined;
}

export function gatherAnswer(maxBytes: number): GatheredAnswer {
  const pieces: Buffer[] = [];
  let size = 0;
  return {
    add(bytes) {
      size += bytes.length;
      if (size <= maxBytes) pieces.push(bytes);
    },
    keep: async () => {},
    close: async () => {},
    bytes: () => (size > 0 && size <= maxBytes ? Buffer.concat(pieces, size) : undefined),
  };
}
