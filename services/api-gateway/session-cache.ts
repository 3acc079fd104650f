import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { AuthService, CheckSessionResponse } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { type KeyRules, noKeyLimits, type RulesOf, toKeyRules } from "./key-rules.ts";
import { createVerdictCache, type Verdict, type VerdictCache } from "./verdict-cache.ts";

/** What a session may do now, from where a service client may call and what a person is held to, without asking auth for every call. */
export interface SessionCache extends VerdictCache {
  readonly rulesOf: RulesOf;
}

export function createSessionCache(auth: Client<typeof AuthService>, clock: Clock): SessionCache {
  const rules = new WeakMap<Caller, KeyRules>();

  async function check(sessionId: string): Promise<Verdict> {
    const verdict = await auth.checkSession({ sessionId });
    if (!verdict.isActive) return { caller: undefined, expiresAtMs: Number.POSITIVE_INFINITY };
    const caller = toCaller(sessionId, verdict);
    const { allowedIps, heldLimits } = verdict;
    const ofSession = toKeyRules({ ...noKeyLimits, allowedIps }, heldLimits);
    if (ofSession) rules.set(caller, ofSession);
    return { caller, expiresAtMs: toMs(verdict.expiresAt) };
  }

  return { ...createVerdictCache(check, clock), rulesOf: (caller) => rules.get(caller) };
}

/** A service client stands where a key does: it is paid for and counted like one. */
function toCaller(sessionId: string, verdict: CheckSessionResponse): Caller {
  const { tenantId, userId, clientId: keyId, permissions, models, signedInAt, factorAt, provenAt } = verdict;
  const { hasFactor, operatorId } = verdict;
  const times =
    keyId === ""
      ? { signedInMs: toMs(signedInAt), factorMs: toMs(factorAt), provenMs: toMs(provenAt) }
      : { signedInMs: 0, factorMs: 0, provenMs: 0 };
  return { tenantId, userId, keyId, sessionId, ...times, hasFactor, operatorId, permissions, models };
}

function toMs(time: Timestamp | undefined): number {
  return time ? timestampMs(time) : 0;
}
