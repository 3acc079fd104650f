import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { AuthService, VerifiedKey } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type Caller, noSession } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { type KeyRules, type RulesOf, toKeyRules } from "./key-rules.ts";
import { createVerdictCache, type Verdict, type VerdictCache } from "./verdict-cache.ts";

/** Who an API key is, and what it is held to, without asking auth for every call. */
export interface KeyCache extends VerdictCache {
  /** What the key of a caller that was given here is held to, if there is anything. */
  readonly rulesOf: RulesOf;
}

export function createKeyCache(auth: Client<typeof AuthService>, clock: Clock): KeyCache {
  const rules = new WeakMap<Caller, KeyRules>();

  async function verify(secret: string): Promise<Verdict> {
    const { result } = await auth.verifyKey({ secret });
    if (result.case !== "verified") return { caller: undefined, expiresAtMs: Number.POSITIVE_INFINITY };
    const { expiresAt, limits } = result.value;
    const caller = toCaller(result.value);
    const ofKey = toKeyRules(limits);
    if (ofKey) rules.set(caller, ofKey);
    return { caller, expiresAtMs: expiresAt ? timestampMs(expiresAt) : Number.POSITIVE_INFINITY };
  }

  return { ...createVerdictCache(verify, clock), rulesOf: (caller) => rules.get(caller) };
}

function toCaller({ tenantId, userId, keyId, permissions, models }: VerifiedKey): Caller {
  return { tenantId, userId, keyId, ...noSession, permissions, models };
}
