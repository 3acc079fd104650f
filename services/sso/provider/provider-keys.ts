import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { SsoDeps } from "../deps.ts";
import { openJson, sealJson } from "../sealed.ts";
import type { StoredProviderKey } from "./provider-store.ts";

/** A private RSA key with its name (RFC 7517). */
export type ProviderKey = Readonly<Record<string, string>>;

/** How long a key signs. */
const ttlMs = 90 * 86_400_000;
/** How long it is published before it signs: programs may keep what they know for as long. */
const publishedBeforeMs = 43_200_000;
/** Beyond the last ID token that it signed, for clocks that differ. */
const retiredAfterMs = 300_000;
const modulusBits = 2_048;

const generate = promisify(generateKeyPair);

/**
 * The keys of ID tokens, the one that signs now first. Makes the first one, the next one in time to be known before it
 * signs, and removes those whose tokens have expired; one node at a time. A repeat is safe.
 */
export async function keepProviderKeys(
  deps: Pick<SsoDeps, "db" | "providerState" | "clock" | "random" | "sealingKey">,
  idTokenTtlMs: number,
): Promise<readonly ProviderKey[]> {
  const { db, providerState, clock, random } = deps;
  const nowMs = clock.nowMs();
  const stored = await db.transaction(async (tx) => {
    await providerState.lockKeys(tx);
    const known = await providerState.listKeys(tx);
    const signsFrom = nextSignsFrom(known[0], nowMs);
    const retired = known.filter((row) => isRetired(known, row.signsFrom, nowMs - idTokenTtlMs));
    const gone = retired.map(({ kid }) => kid);
    if (gone.length > 0) await providerState.deleteKeys(tx, gone);
    const left = known.filter(({ kid }) => !gone.includes(kid));
    if (!signsFrom) return left;
    const kid = random.id("sig");
    const sealedPrivateKey = sealJson(deps, await newPrivateJwk(), purposeOf(kid));
    const next = { kid, sealedPrivateKey, createdAt: new Date(nowMs), signsFrom };
    await providerState.insertKey(tx, next);
    return [next, ...left];
  });
  // The oldest signs where a clock is behind those of others.
  const signer = stored.find(({ signsFrom }) => signsFrom.getTime() <= nowMs) ?? stored.at(-1);
  return [...stored]
    .sort((a, b) => Number(b === signer) - Number(a === signer))
    .map(({ kid, sealedPrivateKey }) => ({
      ...openJson<ProviderKey>(deps, sealedPrivateKey, purposeOf(kid)),
      ...{ kid, alg: "RS256", use: "sig" },
    }));
}

async function newPrivateJwk(): Promise<object> {
  const { privateKey } = await generate("rsa", { modulusLength: modulusBits });
  return privateKey.export({ format: "jwk" });
}

/** When a key that is to be made now signs; undefined when none is due. */
function nextSignsFrom(newest: StoredProviderKey | undefined, nowMs: number): Date | undefined {
  if (!newest) return new Date(nowMs);
  const dueMs = newest.signsFrom.getTime() + ttlMs;
  return dueMs - publishedBeforeMs > nowMs ? undefined : new Date(Math.max(dueMs, nowMs + publishedBeforeMs));
}

/** Whether another has signed in place of the one of that time since before tokens that are good now were made. */
function isRetired(known: readonly StoredProviderKey[], signsFrom: Date, oldestTokenMs: number): boolean {
  return known.some(
    (other) => other.signsFrom > signsFrom && other.signsFrom.getTime() + retiredAfterMs <= oldestTokenMs,
  );
}

function purposeOf(kid: string): string {
  return `sso.provider_key/${kid}`;
}
