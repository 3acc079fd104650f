import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { userAudit, userDeleted } from "@lyss/contracts/events/user.ts";
import { isSelf, lockPerson, type PersonReference, requireAbove, requireOwnersLeft } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";
import { tellPrincipal } from "../tell-principal.ts";

export interface DeleteUserInput extends PersonReference {
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Removes a person with their registrations and the mails that wait for them, and frees the e-mail address; the audit log stays. People remove themselves, and with `user:update`
 * everybody in the tenant whose role is not above their own. Gives whom it was. Throws `not_found`, also the second time,
 * `version_mismatch`, `role_above_own`, `last_owner` and `kit.permission_denied`.
 */
export async function deleteUser(deps: UserDeps, input: DeleteUserInput): Promise<User> {
  const { db, people, accounts, registrations, writer, outbox, audit, clock } = deps;
  const { actor, clientAddress } = input;
  const removed = await db.transaction(async (tx) => {
    const { person, owners } = await lockPerson(deps, tx, { ...input, needsOwners: true });
    if (!isSelf(actor, person)) await requireAbove(deps, tx, actor, person);
    requireOwnersLeft(owners, person, undefined);
    const { userId, tenantId } = person;
    const deletedAt = new Date(clock.nowMs());
    const gone = { ...person, version: person.version + 1 };
    const actorId = actor?.userId ?? "";
    for (const email of new Set([person.email, ...(await accounts.listTokenAddresses(tx, userId))])) {
      await writer.discardTo(tx, email);
    }
    await registrations.deleteRegistrationsOf(tx, person);
    await people.deleteUser(tx, userId);
    await people.insertDeparted(tx, gone, deletedAt);
    const told = { userId, tenantId, deletedAt: timestampFromDate(deletedAt), deletedBy: actorId };
    await outbox.append(tx, userDeleted, { ...told, version: BigInt(gone.version) });
    await audit.append(tx, { event: userAudit.deleted, userId, tenantId, actorId, clientAddress });
    return gone;
  });
  await tellPrincipal(deps, { ...removed, status: "inactive" });
  return removed;
}
