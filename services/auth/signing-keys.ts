import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { AuthStore, StoredSigningKey } from "./store.ts";

/** An Ed25519 public key as others are told of it (RFC 7517, RFC 8037). */
export interface PublicJwk {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly alg: "EdDSA";
  readonly use: "sig";
  readonly kid: string;
  readonly x: string;
}

/** A key that signs access tokens, and its public half. */
export interface SigningKey {
  readonly jwk: PublicJwk;
  readonly privateKey: KeyObject;
}

export interface SigningKeysDeps {
  readonly db: Database;
  readonly store: AuthStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Seals private keys at rest. */
  readonly sealingKey: Buffer;
}

/**
 * The installation's signing keys, newest first: that one signs, all are published. The first key is made here, once,
 * however many nodes start together. Throws when a stored key was sealed under another root key.
 */
export async function loadSigningKeys(deps: SigningKeysDeps): Promise<readonly [SigningKey, ...SigningKey[]]> {
  const { db, store, clock, random, sealingKey } = deps;
  const stored = await db.transaction(async (tx) => {
    await store.lockSigningKeys(tx);
    const known = await store.listSigningKeys(tx);
    if (known.length > 0) return known;
    const first = createSigningKey(random, sealingKey, new Date(clock.nowMs()));
    await store.insertSigningKey(tx, first);
    return [first];
  });
  const [newest, ...others] = stored.map((row) => openSigningKey(row, sealingKey));
  if (!newest) throw new Error("there is no signing key");
  return [newest, ...others];
}

function createSigningKey(random: Random, sealingKey: Buffer, createdAt: Date): StoredSigningKey {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const kid = random.id("sig");
  return { kid, publicKey: x, sealedPrivateKey: seal(random, sealingKey, Buffer.from(d), kid), createdAt };
}

function openSigningKey({ kid, publicKey, sealedPrivateKey }: StoredSigningKey, sealingKey: Buffer): SigningKey {
  const d = unseal(sealingKey, sealedPrivateKey, kid)?.toString();
  if (!d) throw new Error(`signing key ${kid} does not open: it was sealed under another root key, or was altered`);
  const jwk = { kty: "OKP", crv: "Ed25519", x: publicKey } as const;
  const privateKey = createPrivateKey({ key: { ...jwk, d }, format: "jwk" });
  return { jwk: { ...jwk, alg: "EdDSA", use: "sig", kid }, privateKey };
}
