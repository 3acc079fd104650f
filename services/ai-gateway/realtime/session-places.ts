import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";

/** Realtime sessions that are open, in this process and those that share its port. */
export interface SessionPlaces {
  /**
   * Takes a place for a session of the caller's, and gives what gives it back, which may be repeated. Throws `too_many_sessions` for one more than its key or its
   * tenant may have, and `sessions_full` for one more than this process may.
   */
  take(caller: Pick<Caller, "tenantId" | "userId" | "keyId">): () => void;
  /** Here. */
  readonly size: number;
}

export interface SessionPlacesSettings {
  readonly maxSessions: number;
  readonly maxSessionsPerTenant: number;
  readonly maxSessionsPerKey: number;
}

const retryAfterMs = 1_000;
const ofKey = { of: "An API key", of_zh_CN: "一个 API 密钥" };
const ofTenant = { of: "An organisation", of_zh_CN: "一个组织" };

export function createSessionPlaces(
  { maxSessions, maxSessionsPerTenant, maxSessionsPerKey }: SessionPlacesSettings,
  { sharedCounts }: { readonly sharedCounts: SharedCounts },
): SessionPlaces {
  const here = new Map<string, number>();
  const elsewhere = new Map<string, number>();
  let open = 0;
  const noteHeld = sharedCounts.openHeld("realtime-sessions", (subject, count) => setCount(elsewhere, subject, count));

  const countOf = (subject: string) => (here.get(subject) ?? 0) + (elsewhere.get(subject) ?? 0);

  function change(subject: string, by: number): void {
    setCount(here, subject, (here.get(subject) ?? 0) + by);
    noteHeld(subject, by);
  }

  function require(subject: string, limit: number, who: typeof ofKey): void {
    if (countOf(subject) < limit) return;
    throw new Failure(connectionFailures.too_many_sessions, { ...who, limit }, { retryAfterMs });
  }

  return {
    take({ tenantId, userId, keyId }) {
      const key = `key ${tenantId} ${keyId || userId}`;
      const tenant = `tenant ${tenantId}`;
      require(key, maxSessionsPerKey, ofKey);
      require(tenant, maxSessionsPerTenant, ofTenant);
      if (open >= maxSessions) throw new Failure(connectionFailures.sessions_full, {}, { retryAfterMs });
      open++;
      for (const subject of [key, tenant]) change(subject, 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        open--;
        for (const subject of [key, tenant]) change(subject, -1);
      };
    },
    get size() {
      return open;
    },
  };
}

function setCount(counts: Map<string, number>, subject: string, count: number): void {
  if (count > 0) counts.set(subject, count);
  else counts.delete(subject);
}
