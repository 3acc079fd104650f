import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";

/** The first bytes of the SHA-1 of each password in lower case, in ascending order, one behind the other. */
export const knownPasswordsFile = new URL("./known-passwords.bin", import.meta.url);

/** Of a million passwords that are not in a list of 50,000, fewer than one is taken for one that is. */
export const digestBytes = 5;

/** What the file has of a password that is in lower case. */
export function toDigest(password: string): Buffer {
  return createHash("sha1").update(password).digest().subarray(0, digestBytes);
}

/**
 * Whether a password is one of the most common in public lists of breaches, in whatever case. The list is read when it is first
 * needed, and kept: 220 kB.
 */
export function createKnownPasswords(file: URL = knownPasswordsFile): (password: string) => Promise<boolean> {
  let reading: Promise<Buffer> | undefined;
  return async (password) => {
    reading ??= readFile(file);
    return includesDigest(await reading, toDigest(password.toLowerCase()));
  };
}

function includesDigest(digests: Buffer, wanted: Buffer): boolean {
  let low = 0;
  let high = digests.length / digestBytes - 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const at = middle * digestBytes;
    const order = digests.compare(wanted, 0, digestBytes, at, at + digestBytes);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
