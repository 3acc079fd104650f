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
  /** Whether something may still be begun by a caller that was given here: false of an ephemeral key whose time is over. */
  mayBegin(caller: Caller): boolean;
}

export function createKeyCache(auth: Client<typeof AuthService>, clock: Clock): KeyCache {
  const rules = new WeakMap<Caller, KeyRules>();
  const beginsUntilMs = new WeakMap<Caller, number>();

  async function verify(secret: string): Promise<Verdict> {
    const { result } = await auth.verifyKey({ secret });
    if (result.case !== "verified") return { caller: undefined, expiresAtMs: Number.POSITIVE_INFINITY };
    const { expiresAt, beginsUntil, limits, heldLimits } = result.value;
    const caller = toCaller(result.value);
    const ofKey = toKeyRules(limits, heldLimits);
    if (ofKey) rules.set(caller, ofKey);
    if (beginsUntil) beginsUntilMs.set(caller, timestampMs(beginsUntil));
    return { caller, expiresAtMs: expiresAt ? timestampMs(expiresAt) : Number.POSITIVE_INFINITY };
  }

  return {
    ...createVerdictCache(verify, clock),
    rulesOf: (caller) => rules.get(caller),
    mayBegin: (caller) => (beginsUntilMs.get(caller) ?? Number.POSITIVE_INFINITY) > clock.nowMs(),
  };
}

function toCaller({ tenantId, userId, keyId, ephemeralKeyId, permissions, models }: VerifiedKey): Caller {
  const caller = { tenantId, userId, keyId, ...noSession, permissions, models };
  return ephemeralKeyId === "" ? caller : { ...caller, ephemeralKeyId };
}
