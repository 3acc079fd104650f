import { userAudit } from "@lyss/contracts/events/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { UserDeps } from "../deps.ts";

export interface KeyAct {
  readonly kind: "keyCreated" | "keyUpdated" | "keyRotated" | "keyRevoked" | "keyLeaked";
  readonly keyId: string;
  /** The person the key acts for. */
  readonly userId: string;
  readonly tenantId: string;
  readonly actorId: string;
  readonly clientAddress: string;
  readonly happenedAtMs: number;
  /** Id of the event that told it. */
  readonly causeId: string;
}

/** Adds what was done to a key to the log of the person it acts for, if there is one. A repeat is safe. */
export async function auditKeyAct(
  { store, audit }: Pick<UserDeps, "store" | "audit">,
  tx: Tx,
  { kind, keyId, causeId, ...act }: KeyAct,
): Promise<void> {
  if (!(await store.hasUser(tx, act.userId, act.tenantId))) return;
  await audit.append(tx, { ...act, event: userAudit[kind], subjectId: keyId, eventId: `aud_${causeId}` });
}
