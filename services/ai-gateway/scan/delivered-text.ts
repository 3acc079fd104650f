import type { EventFacts } from "./scan-event.ts";

/**
 * The text that a stream has put out, kept as it came so that nothing is decoded or counted for a provider that reports its usage
 * after all. Bounded: what is full has to be taken and counted.
 */
export interface DeliveredText {
  /** Bytes that are kept; each token has at least one of them. */
  readonly bytes: number;
  readonly isFull: boolean;
  /** Keeps the text of a chunk; `facts` are those of an event in `bytes`. */
  add(bytes: Buffer, facts: EventFacts): void;
  /** Keeps text that the ordinary way has read of an event. */
  addText(text: string): void;
  /** The text, which is not kept any more: what `textOf` says of the same chunks, one after the other. */
  take(): string;
}

/** It stands in no JSON string, so it tells texts apart, and bytes that are no UTF-8 in one of them never meet those of the next. */
const lineFeed = 0x0a;
const firstBytes = 256;

/** Keeps up to `maxKeptBytes`, and the last text whole: that is bounded by the event that it came in. */
export function createDeliveredText(maxKeptBytes: number): DeliveredText {
  let kept = Buffer.alloc(0);
  let size = 0;

  function grow(needed: number): void {
    if (needed <= kept.length) return;
    const grown = Buffer.allocUnsafe(Math.max(firstBytes, 2 * kept.length, needed));
    kept.copy(grown, 0, 0, size);
    kept = grown;
  }

  return {
    get bytes() {
      return size;
    },
    get isFull() {
      return size >= maxKeptBytes;
    },

    add(bytes, { textStart, textEnd }) {
      if (textStart === textEnd) return;
      grow(size + textEnd - textStart + 1);
      // Most texts are a word: so few bytes are copied faster here than by a call.
      for (let i = textStart; i < textEnd; i++) kept[size++] = bytes[i] ?? 0;
      kept[size++] = lineFeed;
    },

    addText(text) {
      if (text === "") return;
      const json = JSON.stringify(text).slice(1, -1);
      grow(size + Buffer.byteLength(json) + 1);
      size += kept.write(json, size);
      kept[size++] = lineFeed;
    },

    take() {
      const texts = kept.toString("utf8", 0, size).replaceAll("\n", "");
      if (size > maxKeptBytes) kept = Buffer.alloc(0);
      size = 0;
      return JSON.parse(`"${texts}"`);
    },
  };
}
