import { createHmac } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Target } from "../model.ts";
import type { CacheStore } from "./cache-store.ts";

/** Where a question stands among those that are equal to it in everything but their text. */
export interface Place {
  readonly tenantId: string;
  readonly bucketHash: Buffer;
  /** Of length 1. */
  readonly vector: Float32Array;
}

/** The nearest of those that were answered. */
export interface Neighbour {
  readonly requestHash: Buffer;
  /** The cosine: 1 for the same direction. */
  readonly similarity: number;
}

/** Finds questions that are alike. What there is the database says; the vectors of it are remembered. */
export interface SemanticIndex {
  /** Vectors of one model, and of one length, are compared with each other alone. */
  placeOf(asked: { readonly tenantId: string; readonly restHash: Buffer }, model: Target, vector: Float32Array): Place;
  /** Undefined where nothing that is equal in all else was answered since, or is kept any more. */
  findNearest(place: Place, since: Date, now: Date): Promise<Neighbour | undefined>;
  /** The vector as it is stored. */
  seal(place: Place, requestHash: Buffer): Buffer;
}

/** The newest of a bucket that are compared. */
export const maxCompared = 1_000;
export const maxDimensions = 4_096;
/** So many vectors are asked for at a time, so that others get a turn between. */
const loadedAtOnce = 100;
/** Of vectors that are remembered. */
const maxRememberedBytes = 33_554_432;

export function createSemanticIndex(deps: {
  readonly store: CacheStore;
  readonly random: Random;
  /** 32 bytes. */
  readonly key: Buffer;
}): SemanticIndex {
  const { store, random, key } = deps;
  const remembered = createVectorMemory(maxRememberedBytes);
  const nameOf = ({ tenantId, bucketHash }: Omit<Place, "vector">, requestHash: Buffer) =>
    JSON.stringify(["vector", tenantId, bucketHash.toString("base64"), requestHash.toString("base64")]);

  const idOf = ({ bucketHash }: Place, requestHash: Buffer) =>
    `${bucketHash.toString("latin1")}${requestHash.toString("latin1")}`;

  async function load(place: Place, hashes: readonly Buffer[]): Promise<void> {
    for (let at = 0; at < hashes.length; at += loadedAtOnce) {
      const rows = await store.listVectors(place, hashes.slice(at, at + loadedAtOnce));
      for (const { requestHash, vector } of rows) {
        const name = nameOf(place, requestHash);
        const bytes = unseal(key, vector, name);
        // Sealed with a root key that is gone, or of another length: never near.
        if (bytes?.length === place.vector.byteLength) remembered.put(idOf(place, requestHash), toFloats(bytes));
      }
    }
  }

  return {
    placeOf({ tenantId, restHash }, { provider, model }, vector) {
      const parts = [tenantId, restHash.toString("base64"), provider.providerId, model.upstreamName, vector.length];
      const bucketHash = createHmac("sha256", key).update(JSON.stringify(parts)).digest();
      return { tenantId, bucketHash, vector };
    },
    async findNearest(place, since, now) {
      const hashes = await store.listBucket(place, { since, now, limit: maxCompared });
      const ids = hashes.map((hash) => idOf(place, hash));
      const unknown = hashes.filter((_hash, at) => !remembered.has(ids[at] ?? ""));
      if (unknown.length > 0) await load(place, unknown);
      let nearest: Neighbour | undefined;
      for (const [at, requestHash] of hashes.entries()) {
        const vector = remembered.get(ids[at] ?? "");
        if (!vector) continue;
        const similarity = cosineOf(place.vector, vector);
        if (similarity > (nearest?.similarity ?? -1)) nearest = { requestHash, similarity };
      }
      return nearest;
    },
    seal(place, requestHash) {
      const { buffer, byteOffset, byteLength } = place.vector;
      return seal(random, key, Buffer.from(buffer, byteOffset, byteLength), nameOf(place, requestHash));
    },
  };
}

/** Of a list of numbers, the same direction with length 1; undefined for what is no vector that can be compared. */
export function toUnitVector(numbers: unknown): Float32Array | undefined {
  if (!Array.isArray(numbers) || numbers.length === 0 || numbers.length > maxDimensions) return undefined;
  let square = 0;
  for (const number of numbers as readonly unknown[]) {
    if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
    square += number * number;
  }
  const length = Math.sqrt(square);
  if (length === 0 || !Number.isFinite(length)) return undefined;
  return Float32Array.from(numbers as readonly number[], (number) => number / length);
}

/** Of two vectors of length 1 and of as many numbers. */
export function cosineOf(one: Float32Array, other: Float32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const { length } = one;
  const whole = length - (length % 4);
  // Four sums that do not wait for one another; a check of each number would take as long again.
  for (let at = 0; at < whole; at += 4) {
    a += (one[at] as number) * (other[at] as number);
    b += (one[at + 1] as number) * (other[at + 1] as number);
    c += (one[at + 2] as number) * (other[at + 2] as number);
    d += (one[at + 3] as number) * (other[at + 3] as number);
  }
  for (let at = whole; at < length; at++) a += (one[at] as number) * (other[at] as number);
  return Math.min(1, a + b + c + d);
}

/** A copy of its own: what a driver gives may be a part of something larger, and stands at any offset. */
function toFloats(bytes: Buffer): Float32Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return new Float32Array(copy.buffer);
}

/** Those that were used last, up to so many bytes. */
function createVectorMemory(maxBytes: number) {
  const byName = new Map<string, Float32Array>();
  let size = 0;
  return {
    has: (name: string) => byName.has(name),
    get(name: string): Float32Array | undefined {
      const vector = byName.get(name);
      if (vector) {
        byName.delete(name);
        byName.set(name, vector);
      }
      return vector;
    },
    put(name: string, vector: Float32Array): void {
      size += vector.byteLength - (byName.get(name)?.byteLength ?? 0);
      byName.set(name, vector);
      for (const [oldest, { byteLength }] of byName) {
        if (size <= maxBytes) return;
        byName.delete(oldest);
        size -= byteLength;
      }
    },
  };
}
