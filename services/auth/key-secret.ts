import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Random } from "@lyss/kit/service/ids.ts";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const randomCharacters = 30;
const checksumCharacters = 6;
const prefixCharacters = 11;
const keyPrefix = "lyss_";
/** As OpenAI's begin. */
const ephemeralPrefix = "ek_";
const secretPattern = /^([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

/**
 * A new API key: `lyss_`, 30 random base62 characters (178 bits) and their CRC-32 in six, so that scanners find leaked
 * keys and junk is refused without a look-up. The form is GitHub's (github.blog, "Behind GitHub's new authentication
 * token formats").
 */
export function generateKeySecret(random: Random): string {
  return generateSecret(random, keyPrefix);
}

/** A new secret of that form behind another prefix. */
export function generateSecret(random: Random, prefix: string): string {
  let body = "";
  while (body.length < randomCharacters) {
    for (const byte of random.bytes(randomCharacters)) {
      // 248 is the largest multiple of 62 in a byte: above it, some characters would come up more often.
      if (byte < 248 && body.length < randomCharacters) body += alphabet.charAt(byte % 62);
    }
  }
  return `${prefix}${body}${checksumOf(body)}`;
}

/** True for the shape of a key with the right checksum. Says nothing about whether the key exists. */
export function isKeySecret(text: string): boolean {
  return isSecret(text, keyPrefix);
}

/** A new secret of that form that stands for a key for a while. */
export function generateEphemeralSecret(random: Random): string {
  return generateSecret(random, ephemeralPrefix);
}

/** True for the shape of one, with the right checksum. */
export function isEphemeralSecret(text: string): boolean {
  return isSecret(text, ephemeralPrefix);
}

/** The same behind another prefix. */
export function isSecret(text: string, prefix: string): boolean {
  if (!text.startsWith(prefix)) return false;
  const [, body, checksum] = secretPattern.exec(text.slice(prefix.length)) ?? [];
  return body !== undefined && checksum === checksumOf(body);
}

/** What is stored and looked up instead of a secret. */
export function hashKeySecret(pepper: Buffer, secret: string): Buffer {
  return createHmac("sha256", pepper).update(secret).digest();
}

/** What may be shown of a secret: `lyss_` and six characters; 24 stay unknown. */
export function prefixOf(secret: string): string {
  return secret.slice(0, prefixCharacters);
}

function checksumOf(body: string): string {
  let rest = crc32(body);
  let checksum = "";
  for (let i = 0; i < checksumCharacters; i++) {
    checksum = alphabet.charAt(rest % 62) + checksum;
    rest = Math.floor(rest / 62);
  }
  return checksum;
}
