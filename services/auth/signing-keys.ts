import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { seal, unseal } from "@lyss/kit/crypto/seal.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { errors } from "jose";
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
  readonly publicKey: KeyObject;
}

export interface SigningKeysDeps {
  readonly db: Database;
  readonly store: AuthStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Seals private keys at rest. */
  readonly sealingKey: Buffer;
  /** How long a key signs. */
  readonly signingKeyTtlMs: number;
  readonly accessTokenTtlMs: number;
}

/** The installation's signing keys, as they were at the last `keep`. */
export interface SigningKeys {
  /** The one that signs now. */
  signer(): SigningKey;
  /** All that are published, the newest first: the next one and those whose tokens may still be about are among them. */
  listPublic(): readonly PublicJwk[];
  /** The public key of that id. Throws what `jose` throws for one that is not there. */
  publicKeyOf(kid: string): KeyObject;
  /**
   * Reads them anew; makes the first one, the next one in time to be known before it signs, and removes those whose tokens have
   * expired, one node at a time. Throws when a stored key was sealed under another root key.
   */
  keep(): Promise<void>;
}

/** How long a key is published before it signs: verifiers may keep what they know for as long. */
const publishedBeforeMs = 43_200_000;
/** Beyond the life of the tokens that it signed, for clocks that differ. */
const retiredAfterMs = 300_000;

/** Signing keys that are kept by `keep`; it has run once when this resolves. */
export async function createSigningKeys(deps: SigningKeysDeps): Promise<SigningKeys> {
  const { db, store, clock, random, sealingKey } = deps;
  let held: readonly (SigningKey & { readonly signsFromMs: number })[] = [];

  async function keep(): Promise<void> {
    const nowMs = clock.nowMs();
    const stored = await db.transaction(async (tx) => {
      await store.lockSigningKeys(tx);
      const known = await store.listSigningKeys(tx);
      const signsFrom = nextSignsFrom(known[0], nowMs, deps.signingKeyTtlMs);
      const next = signsFrom && createSigningKey(random, sealingKey, { createdAt: new Date(nowMs), signsFrom });
      if (next) await store.insertSigningKey(tx, next);
      const retired = known.filter(({ signsFrom }) => isRetired(known, signsFrom, nowMs - deps.accessTokenTtlMs));
      if (retired.length > 0)
        await store.deleteSigningKeys(
          tx,
          retired.map(({ kid }) => kid),
        );
      const left = known.filter((row) => !retired.includes(row));
      return next ? [next, ...left] : left;
    });
    held = stored.map((row) => ({ ...openSigningKey(row, sealingKey), signsFromMs: row.signsFrom.getTime() }));
  }

  await keep();
  return {
    signer() {
      const nowMs = clock.nowMs();
      // The oldest where a clock is behind those of others.
      const signer = held.find(({ signsFromMs }) => signsFromMs <= nowMs) ?? held.at(-1);
      if (!signer) throw new Error("there is no signing key");
      return signer;
    },
    publicKeyOf(kid) {
      const found = held.find(({ jwk }) => jwk.kid === kid);
      if (!found) throw new errors.JWKSNoMatchingKey();
      return found.publicKey;
    },
    listPublic: () => held.map(({ jwk }) => jwk),
    keep,
  };
}

/** When a key that is to be made now signs; undefined when none is due. */
function nextSignsFrom(newest: StoredSigningKey | undefined, nowMs: number, ttlMs: number): Date | undefined {
  if (!newest) return new Date(nowMs);
  const dueMs = newest.signsFrom.getTime() + ttlMs;
  return dueMs - publishedBeforeMs > nowMs ? undefined : new Date(Math.max(dueMs, nowMs + publishedBeforeMs));
}

/** Whether another has signed in place of the one of that time since before tokens that are good now were made. */
function isRetired(known: readonly StoredSigningKey[], signsFrom: Date, oldestTokenMs: number): boolean {
  return known.some(
    (other) => other.signsFrom > signsFrom && other.signsFrom.getTime() + retiredAfterMs <= oldestTokenMs,
  );
}

function createSigningKey(
  random: Random,
  sealingKey: Buffer,
  times: Pick<StoredSigningKey, "createdAt" | "signsFrom">,
): StoredSigningKey {
  const { d = "", x = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const kid = random.id("sig");
  return { kid, publicKey: x, sealedPrivateKey: seal(random, sealingKey, Buffer.from(d), kid), ...times };
}

function openSigningKey({ kid, publicKey, sealedPrivateKey }: StoredSigningKey, sealingKey: Buffer): SigningKey {
  const d = unseal(sealingKey, sealedPrivateKey, kid)?.toString();
  if (!d) throw new Error(`signing key ${kid} does not open: it was sealed under another root key, or was altered`);
  const jwk = { kty: "OKP", crv: "Ed25519", x: publicKey } as const;
  const privateKey = createPrivateKey({ key: { ...jwk, d }, format: "jwk" });
  return { jwk: { ...jwk, alg: "EdDSA", use: "sig", kid }, privateKey, publicKey: createPublicKey(privateKey) };
}
