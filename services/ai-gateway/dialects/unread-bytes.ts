/** Bytes of a stream that nobody has taken yet. */
export interface UnreadBytes {
  /** All of them: good until the next `add`. */
  readonly bytes: Buffer;
  add(chunk: Buffer): void;
  /** The first `size` of them, which nothing is written over. */
  take(size: number): Buffer;
}

/** A chunk that finds nothing before it is not copied; what comes in many is copied twice at most, not again for every chunk. */
export function createUnreadBytes(): UnreadBytes {
  /** A chunk as it came, or with room behind a buffer of our own. */
  let held: Buffer = Buffer.alloc(0);
  let isOurs = false;
  let start = 0;
  let end = 0;

  function grow(size: number): void {
    const grown = Buffer.allocUnsafe(size);
    held.copy(grown, 0, start, end);
    end -= start;
    start = 0;
    held = grown;
    isOurs = true;
  }

  return {
    get bytes() {
      return held.subarray(start, end);
    },
    add(chunk) {
      if (start === end) {
        held = chunk;
        isOurs = false;
        start = 0;
        end = chunk.length;
        return;
      }
      const size = end - start + chunk.length;
      if (!isOurs || end + chunk.length > held.length) grow(Math.max(2 * (end - start), size));
      chunk.copy(held, end);
      end += chunk.length;
    },
    take(size) {
      const taken = held.subarray(start, start + size);
      start += size;
      return taken;
    },
  };
}
