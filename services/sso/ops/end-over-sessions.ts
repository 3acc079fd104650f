import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { SsoDeps } from "../deps.ts";

const maxAtOnce = 200;

/** Ends sessions for which their provider vouches no more: it said for how long. A repeat is safe. */
export async function endOverSessions({
  signIns,
  auth,
  db,
  clock,
}: Pick<SsoDeps, "signIns" | "auth" | "db" | "clock">): Promise<void> {
  for (const { tenantId, userId, sessionId } of await signIns.listOver(new Date(clock.nowMs()), maxAtOnce)) {
    await auth.endSessions({ tenantId, userId, sessionId, reason: SessionEndReason.SIGNED_OUT });
    await db.transaction((tx) => signIns.deleteSession(tx, sessionId));
  }
}
