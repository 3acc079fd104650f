import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import type { Random } from "../service/ids.ts";
import { seal, unseal } from "./seal.ts";

/** Length of a public key, and of what stands before a sealed message. */
const keyBytes = 32;
/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const publicPrefix = Buffer.from("302a300506032b656e032100", "hex");
const privatePrefix = Buffer.from("302e020100300506032b656e04220420", "hex");

export interface SealingPair {
  /** 32 bytes: seals, and opens nothing. */
  readonly publicKey: Buffer;
  /** 32 bytes: opens. */
  readonly privateKey: Buffer;
}

/** A new pair for X25519 (RFC 7748). */
export function createSealingPair(): SealingPair {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return {
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-keyBytes),
    privateKey: privateKey.export({ format: "der", type: "pkcs8" }).subarray(-keyBytes),
  };
}

/**
 * Encrypts for whoever has the private key, the sender excluded: a key pair for this message alone, X25519, HKDF-SHA256 over both public
 * keys (RFC 5869), AES-256-GCM. Gives that pair's public key and what `seal` gives. Opens only with the same `associatedData`.
 * Throws a RangeError for a public key that is not one.
 */
export function sealTo(random: Random, publicKey: Buffer, plaintext: Buffer, associatedData: string): Buffer {
  const own = createSealingPair();
  const key = agree(own.privateKey, publicKey, own.publicKey, publicKey);
  if (!key) throw new RangeError("a public key for sealing has 32 bytes, and is a point of the curve");
  return Buffer.concat([own.publicKey, seal(random, key, plaintext, associatedData)]);
}

/** The plaintext, or undefined when the bytes, the pair or `associatedData` are not those of the sealing. */
export function openSealed(pair: SealingPair, sealed: Buffer, associatedData: string): Buffer | undefined {
  const sender = sealed.subarray(0, keyBytes);
  const key = agree(pair.privateKey, sender, sender, pair.publicKey);
  return key && unseal(key, sealed.subarray(keyBytes), associatedData);
}

function agree(own: Buffer, other: Buffer, sender: Buffer, receiver: Buffer): Buffer | undefined {
  if (own.length !== keyBytes || other.length !== keyBytes) return undefined;
  const secret = secretOf(
    createPrivateKey({ key: Buffer.concat([privatePrefix, own]), format: "der", type: "pkcs8" }),
    createPublicKey({ key: Buffer.concat([publicPrefix, other]), format: "der", type: "spki" }),
  );
  return secret && Buffer.from(hkdfSync("sha256", secret, Buffer.concat([sender, receiver]), "lyss seal-to", keyBytes));
}

/** Undefined where the other key is a point of small order, with which everybody would agree on the same. */
function secretOf(privateKey: KeyObject, publicKey: KeyObject): Buffer | undefined {
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch {
    return undefined;
  }
}
