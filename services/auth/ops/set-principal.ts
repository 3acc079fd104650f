import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import { sayEnded } from "../say-ended.ts";
import type { Principal } from "../session-model.ts";

type SetPrincipalDeps = Pick<AuthDeps, "db" | "principals" | "sessions" | "clients" | "outbox" | "clock">;

/**
 * Takes in what is told of a person, or of a tenant as a whole: it holds on every node as soon as that hears of it. Who is
 * barred is signed out as well. A later version wins, whatever comes first; a repeat is safe. A role that there is not
 * permits nothing: what somebody held before must end in any case.
 */
export async function setPrincipal(
  deps: SetPrincipalDeps,
  principal: Principal,
): Promise<{ readonly isApplied: boolean }> {
  return { isApplied: await deps.db.transaction((tx) => setPrincipalIn(deps, tx, principal)) };
}

/** The same within a transaction, for what is heard. */
export async function setPrincipalIn(
  deps: Omit<SetPrincipalDeps, "db">,
  tx: Tx,
  principal: Principal,
): Promise<boolean> {
  const { tenantId, userId, isBarred } = principal;
  if (!(await deps.principals.upsertPrincipal(tx, principal))) return false;
  if (isBarred && userId !== "") {
    const selection = { tenantId, userId, sessionId: undefined, exceptSessionId: undefined };
    await sayEnded(deps, tx, selection, { reason: "barred", actorId: "", clientAddress: "" });
  }
  await sayAccessChanged(deps, tx, { tenantId, userId });
  return true;
}
