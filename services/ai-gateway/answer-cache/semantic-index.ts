import { createHmac } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Target } from "../model.ts";
import { cosineOf, toFloats } from "../vectors/unit-vector.ts";
import { createVectorMemory } from "../vectors/vector-memory.ts";
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
