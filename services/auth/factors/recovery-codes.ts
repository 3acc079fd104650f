import { createHmac } from "node:crypto";
import type { Random } from "@lyss/kit/service/ids.ts";

/** Crockford's base32: no letter that is taken for a digit. A byte modulo 32 is even. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const codeCharacters = 10;

/** A person gets this many at a time. */
export const recoveryCodeCount = 10;

/** Ten codes of 50 bits each, written in two groups. Each opens once, where a factor was lost. */
export function generateRecoveryCodes(random: Random): readonly string[] {
  return Array.from({ length: recoveryCodeCount }, () => {
    const characters = [...random.bytes(codeCharacters)].map((byte) => alphabet.charAt(byte % alphabet.length));
    return `${characters.slice(0, 5).join("")}-${characters.slice(5).join("")}`;
  });
}

/** What is stored and looked up instead of a code: it differs from person to person, and alone opens nothing. */
export function hashRecoveryCode(pepper: Buffer, userId: string, code: string): Buffer {
  const plain = code.replaceAll("-", "");
  return createHmac("sha256", pepper).update(`recovery\0${userId}\0${plain}`).digest();
}
