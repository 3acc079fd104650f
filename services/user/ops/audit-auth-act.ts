import { userAudit } from "@lyss/contracts/events/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { UserDeps } from "../deps.ts";

/** Something that auth told of a person's sign-ins and second factors. */
export interface AuthAct {
  readonly kind:
    | "signedIn"
    | "factorAdded"
    | "factorRemoved"
    | "codesLocked"
    | "recoveryCodesCreated"
    | "recoveryCodeUsed";
  readonly userId: string;
  readonly tenantId: string;
  readonly actorId: string;
  readonly clientAddress: string;
  /** A factor's id where it is about one. */
  readonly subjectId: string;
  readonly happenedAtMs: number;
  /** What makes the entry one: the session of a sign-in, else the event that told it. */
  readonly causeId: string;
}

/** Adds to the log of the person whom it concerns, if there is one. A repeat is safe. */
export async function auditAuthAct(
  { store, audit }: Pick<UserDeps, "store" | "audit">,
  tx: Tx,
  { kind, causeId, ...act }: AuthAct,
): Promise<void> {
  if (!(await store.hasUser(tx, act.userId, act.tenantId))) return;
  await audit.append(tx, { ...act, event: userAudit[kind], eventId: `aud_${causeId}` });
}
