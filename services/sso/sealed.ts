import { createHash, timingSafeEqual } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { SsoDeps } from "./deps.ts";

type Sealing = Pick<SsoDeps, "sealingKey">;

/** A value as bytes that open only with the key and for the same purpose. */
export function sealJson(
  { sealingKey, random }: Sealing & Pick<SsoDeps, "random">,
  value: unknown,
  purpose: string,
): Buffer {
  return seal(random, sealingKey, Buffer.from(JSON.stringify(value)), purpose);
}

/** The value that was sealed for that purpose. Throws when it was not: a row that somebody has altered is a bug. */
export function openJson<Value>({ sealingKey }: Sealing, sealed: Buffer, purpose: string): Value {
  const plaintext = unseal(sealingKey, sealed, purpose);
  if (!plaintext) throw new Error(`what is stored for ${purpose.split("/")[0]} does not open`);
  return JSON.parse(plaintext.toString()) as Value;
}

export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether a text is the one of which the digest was kept, in constant time. */
export function matchesDigest(text: string, kept: string, encoding: "hex" | "base64url"): boolean {
  const given = Buffer.from(sha256(text).toString(encoding));
  const wanted = Buffer.from(kept);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
