import { accessChanged, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import type { AccessChanged } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { onBroadcast, type Subscription } from "@lyss/kit/events/event.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { VerdictCache } from "./verdict-cache.ts";

export interface Verdicts {
  readonly keys: VerdictCache;
  readonly sessions: VerdictCache;
  /** Looks at the calls under way that something was forgotten of. */
  recheck(): void;
}

/** A key, a session, a person or a tenant that changes anywhere is asked for anew here at once. */
export function createApiGatewaySubscriptions({ keys, sessions, recheck }: Verdicts): readonly Subscription[] {
  const forgetKey = ({ data: { keyId } }: { readonly data: { readonly keyId: string } }) => {
    keys.forget((caller) => caller.keyId === keyId);
    recheck();
  };
  const forgetKeys = () => {
    keys.forgetAll();
    recheck();
  };
  const forgetAccess = ({ data }: { readonly data: AccessChanged }) => {
    const isMeant = (caller: Caller) => concerns(data, caller);
    if (data.sessionId === "") keys.forget(isMeant);
    if (data.keyId === "") sessions.forget(isMeant);
    recheck();
  };
  const forgetAll = () => {
    sessions.forgetAll();
    forgetKeys();
  };
  return [
    onBroadcast("forget-key", keyRevoked, forgetKey, forgetKeys),
    onBroadcast("forget-changed-key", keyUpdated, forgetKey, forgetKeys),
    onBroadcast("forget-access", accessChanged, forgetAccess, forgetAll),
  ];
}

function concerns({ tenantId, userId, sessionId, keyId }: AccessChanged, caller: Caller): boolean {
  // What happens to an operator ends what the operator does in others' names; of which tenant the operator is, nobody knows here.
  if (caller.operatorId !== "" && (userId === "" || userId === caller.operatorId)) return true;
  if (caller.tenantId !== tenantId) return false;
  if (userId !== "" && caller.userId !== userId) return false;
  return (sessionId === "" || caller.sessionId === sessionId) && (keyId === "" || caller.keyId === keyId);
}
