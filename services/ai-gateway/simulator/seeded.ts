import { hash } from "node:crypto";

/** Hexadecimal digits that depend on `seed` alone. At most 64. */
export function seededHex(seed: string, digits: number): string {
  return hash("sha256", seed, "hex").slice(0, digits);
}

/** A sequence of unsigned 32-bit integers that depends on `seed` alone (mulberry32, started from a SHA-256). */
export function createSequence(seed: string): () => number {
  let state = hash("sha256", seed, "buffer").readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
