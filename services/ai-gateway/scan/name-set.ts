/** Fewer names need no looking at: there cannot be too many different ones among them. */
const uncounted = 1_000;
const slots = 16_384;
/** How many places a name may stand in: more that meet there, by chance or by intent, count again. */
const tries = 16;

/**
 * Tells of each of the names of `bytes`, given by where they stand, whether it is new: a thousand of them are never told as new, and each
 * that is, is, whatever somebody has made up that they meet in a table.
 */
export function createNameSet(bytes: Uint8Array): (start: number, end: number) => boolean {
  let seen = 0;
  let places: Int32Array | undefined;
  return (start, end) => {
    if (++seen <= uncounted) return false;
    // Where each begins, from 1, and how long it is.
    places ??= new Int32Array(2 * slots);
    const length = end - start;
    const first = hashOf(bytes, start, end);
    for (let i = 0; i < tries; i++) {
      const slot = 2 * ((first + i) % slots);
      const other = (places[slot] ?? 0) - 1;
      if (other < 0) {
        places[slot] = start + 1;
        places[slot + 1] = length;
        return true;
      }
      if (places[slot + 1] === length && isSame(bytes, other, start, length)) return false;
    }
    return true;
  };
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash >>> 0;
}

function isSame(bytes: Uint8Array, one: number, other: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[one + i] !== bytes[other + i]) return false;
  return true;
}
