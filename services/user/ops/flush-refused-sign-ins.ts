import { userAudit } from "@lyss/contracts/events/user.ts";
import type { UserDeps } from "../deps.ts";

/** Writes the sign-ins that were refused to the audit logs. What a failed write held is noted again. */
export async function flushRefusedSignIns({
  db,
  audit,
  refusedSignIns,
}: Pick<UserDeps, "db" | "audit" | "refusedSignIns">): Promise<void> {
  const taken = refusedSignIns.take();
  for (const [index, { userId, tenantId, clientAddress, refusedAtMs: happenedAtMs }] of taken.entries()) {
    const act = { event: userAudit.signInRefused, userId, tenantId, actorId: "", clientAddress, happenedAtMs };
    try {
      await db.transaction((tx) => audit.append(tx, act));
    } catch (err) {
      for (const left of taken.slice(index)) refusedSignIns.note(left);
      throw err;
    }
  }
}
