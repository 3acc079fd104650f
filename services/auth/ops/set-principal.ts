import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import { sayEnded } from "../say-ended.ts";
import { type Principal, permissionsOf } from "../session-model.ts";

type SetPrincipalDeps = Pick<AuthDeps, "db" | "principals" | "sessions" | "clients" | "outbox" | "clock">;

/**
 * Takes in what is told of a person, or of a tenant as a whole: it holds on every node as soon as that hears of it. Who is
 * barred is signed out as well. A later version wins, whatever comes first; a repeat is safe. Throws `role_unknown`.
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
  const { tenantId, userId, role, isBarred } = principal;
  if (userId !== "" && !isBarred && !permissionsOf(role)) throw new Failure(authFailures.role_unknown, { role });
  if (!(await deps.principals.upsertPrincipal(tx, principal))) return false;
  if (isBarred && userId !== "") {
    const selection = { tenantId, userId, sessionId: undefined, exceptSessionId: undefined };
    await sayEnded(deps, tx, selection, { reason: "barred", actorId: "", clientAddress: "" });
  }
  await sayAccessChanged(deps, tx, { tenantId, userId });
  return true;
}
