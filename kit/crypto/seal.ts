import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Random } from "../service/ids.ts";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts and authenticates with AES-256-GCM (NIST SP 800-38D): nonce, ciphertext, tag. `key` is 32 bytes. The nonce is
 * random, so one key seals at most 2^32 messages. What is sealed opens only with the same `associatedData`.
 */
export function seal(random: Random, key: Buffer, plaintext: Buffer, associatedData: string): Buffer {
  const nonce = random.bytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(associatedData));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext, or undefined when the bytes, the key or `associatedData` are not those of the sealing. */
export function unseal(key: Buffer, sealed: Buffer, associatedData: string): Buffer | undefined {
  if (sealed.length < nonceBytes + tagBytes) return undefined;
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(associatedData));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const plaintext = decipher.update(sealed.subarray(nonceBytes, -tagBytes));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}
