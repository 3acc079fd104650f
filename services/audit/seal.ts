import { createHmac, timingSafeEqual } from "node:crypto";
import type { Chain } from "./model.ts";

/**
 * Seals what a log says with a key that the database does not have (HMAC-SHA256, RFC 2104): whoever can write every table
 * can still not add an entry, or move the end of a log.
 */
export function createSealer(key: Buffer) {
  const seal = (fields: readonly unknown[]) => createHmac("sha256", key).update(JSON.stringify(fields)).digest();
  const sealEntry = (digest: string) => seal(["entry", digest]);
  const sealChain = ({ chain, sequence, digest, baseSequence, baseDigest }: Omit<Chain, "seal" | "anchoredSequence">) =>
    seal(["chain", chain, sequence, digest, baseSequence, baseDigest]);
  return {
    sealEntry,
    sealChain,
    isEntrySeal: (given: Buffer, digest: string) => isSame(given, sealEntry(digest)),
    isChainSeal: (given: Buffer | null, chain: Omit<Chain, "seal" | "anchoredSequence">) =>
      given !== null && isSame(given, sealChain(chain)),
  };
}

export type Sealer = ReturnType<typeof createSealer>;

function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}
