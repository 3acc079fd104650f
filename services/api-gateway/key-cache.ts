import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { AuthService, VerifiedKey } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type Caller, noSession } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { type KeyRules, type RulesOf, toKeyRules } from "./key-rules.ts";

/** Who an API key is, without asking auth for every call. */
export interface KeyCache {
  /** The key's caller, or undefined when it is refused. At once for a key that is known and fresh. Rejects when auth is away. */
  callerOf(secret: string): Caller | undefined | Promise<Caller | undefined>;
  /** What the key of a caller that was given here is held to, if there is anything. */
  readonly rulesOf: RulesOf;
  /** Drops what is known of a key; verifications under way are not remembered either. */
  forget(keyId: string): void;
  forgetAll(): void;
}

interface Entry {
  readonly caller: Caller | undefined;
  /** Wall clock; when the key itself ends. */
  readonly expiresAtMs: number;
  readonly verifiedMs: number;
  refreshing: boolean;
}

/** Revocations arrive as events within a second; with the events away a key is trusted no longer than this. */
const maxAgeMs = 5_000;
/** From this age on a key that is in use is verified in the background, so that no call waits for it. */
const refreshAfterMs = 2_500;
const maxEntries = 100_000;

export function createKeyCache(auth: Client<typeof AuthService>, clock: Clock): KeyCache {
  const entries = new Map<string, Entry>();
  const rules = new WeakMap<Caller, KeyRules>();
  const verifying = new Map<string, Promise<Caller | undefined>>();
  let generation = 0;

  async function verify(secret: string): Promise<Caller | undefined> {
    const startedIn = generation;
    const verifiedMs = clock.monotonicMs();
    const { result } = await auth.verifyKey({ secret });
    const key = result.case === "verified" ? result.value : undefined;
    const caller = key && toCaller(key);
    const ofKey = toKeyRules(key?.limits);
    if (caller && ofKey) rules.set(caller, ofKey);
    const expiresAtMs = key?.expiresAt ? timestampMs(key.expiresAt) : Number.POSITIVE_INFINITY;
    // What was read before a revocation may be what the revocation ended.
    if (startedIn === generation) remember(secret, { caller, expiresAtMs, verifiedMs, refreshing: false });
    return caller;
  }

  function remember(secret: string, entry: Entry): void {
    entries.delete(secret);
    entries.set(secret, entry);
    if (entries.size <= maxEntries) return;
    // Insertion order is the order of verification: the first is the stalest.
    for (const oldest of entries.keys()) {
      entries.delete(oldest);
      break;
    }
  }

  function verifyOnce(secret: string): Promise<Caller | undefined> {
    const running = verifying.get(secret);
    if (running) return running;
    const started = verify(secret).finally(() => verifying.delete(secret));
    verifying.set(secret, started);
    return started;
  }

  function dropGeneration(): void {
    generation++;
    verifying.clear();
  }

  return {
    callerOf(secret) {
      const entry = entries.get(secret);
      if (!entry) return verifyOnce(secret);
      const ageMs = clock.monotonicMs() - entry.verifiedMs;
      if (ageMs >= maxAgeMs) return verifyOnce(secret);
      if (ageMs >= refreshAfterMs && !entry.refreshing && entry.caller) {
        entry.refreshing = true;
        // A failure here shows up for the caller when the entry has run out.
        verifyOnce(secret).catch(() => undefined);
      }
      return entry.expiresAtMs > clock.nowMs() ? entry.caller : undefined;
    },
    rulesOf: (caller) => rules.get(caller),
    forget(keyId) {
      dropGeneration();
      for (const [secret, entry] of entries) if (entry.caller?.keyId === keyId) entries.delete(secret);
    },
    forgetAll() {
      dropGeneration();
      entries.clear();
    },
  };
}

function toCaller({ tenantId, userId, keyId, permissions, models }: VerifiedKey): Caller {
  return { tenantId, userId, keyId, ...noSession, permissions, models };
}
