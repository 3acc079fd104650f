import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { SessionEnd } from "./account-store.ts";
import type { UserDeps } from "./deps.ts";

const maxPerRun = 100;

/** Sessions end with what they were opened with. Noted with the change, told to auth at once, and again until it has heard. */
export const endOtherSessions = {
  /** Sessions end once `tx` has committed and `flush` was called, here or by the job. */
  async note(
    { accounts, random }: Pick<UserDeps, "accounts" | "random">,
    tx: Tx,
    end: Omit<SessionEnd, "endId">,
  ): Promise<void> {
    await accounts.insertSessionEnd(tx, { endId: random.id("end"), ...end });
  },

  /** Tells auth of all that is noted. What auth does not hear stays noted; the failure is logged. */
  async flush(deps: Pick<UserDeps, "accounts" | "auth" | "db" | "log">): Promise<void> {
    const { accounts, auth, db, log } = deps;
    for (const { endId, ...end } of await accounts.listSessionEnds(maxPerRun)) {
      try {
        await auth.endSessions({ ...end, reason: SessionEndReason.CREDENTIAL_CHANGED });
      } catch (err) {
        log.warn({ err, user_id: end.userId }, "sessions have not ended yet: auth is told again");
        return;
      }
      await db.transaction((tx) => accounts.deleteSessionEnd(tx, endId));
    }
  },
};
