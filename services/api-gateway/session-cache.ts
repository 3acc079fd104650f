import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { createVerdictCache, type Verdict, type VerdictCache } from "./verdict-cache.ts";

/** What a session may do now, without asking auth for every call. */
export function createSessionCache(auth: Client<typeof AuthService>, clock: Clock): VerdictCache {
  async function check(sessionId: string): Promise<Verdict> {
    const { isActive, tenantId, userId, permissions, signedInAt, factorAt, provenAt, expiresAt } =
      await auth.checkSession({
        sessionId,
      });
    if (!isActive) return { caller: undefined, expiresAtMs: Number.POSITIVE_INFINITY };
    const times = { signedInMs: toMs(signedInAt), factorMs: toMs(factorAt), provenMs: toMs(provenAt) };
    const caller = { tenantId, userId, keyId: "", sessionId, ...times, permissions, models: [] };
    return { caller, expiresAtMs: toMs(expiresAt) };
  }

  return createVerdictCache(check, clock);
}

function toMs(time: Timestamp | undefined): number {
  return time ? timestampMs(time) : 0;
}
