import { ssoScimUserDeleted } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { requireFound, requireScimVersion } from "../scim/caller.ts";
import { toResourceMessage } from "../scim/messages.ts";
import type { ScimReference } from "../scim/model.ts";

/**
 * The person is kept out at once, and removed: every service forgets them, and the address is free. Throws `scim_not_found`,
 * `scim_version_mismatch` and `scim_last_owner`. What is broken off is finished by a repeat.
 */
export async function deleteScimUser(
  { db, scimUsers, outbox, user, clock }: SsoDeps,
  reference: ScimReference,
): Promise<void> {
  const { caller, resourceId } = reference;
  const { connectionId } = caller.connection;
  const found = requireFound(await scimUsers.findUser(connectionId, resourceId), reference);
  requireScimVersion(found, reference);
  const person = { tenantId: found.tenantId, userId: found.userId, clientAddress: caller.clientAddress };
  try {
    await user.setUserStatus({ ...person, status: UserStatus.INACTIVE, reason: "SCIM" });
    await user.deleteUser(person);
  } catch (err) {
    if (isFailure(err, userFailures.last_owner)) throw new Failure(ssoFailures.scim_last_owner, {}, { cause: err });
    if (!isFailure(err, userFailures.not_found)) throw err;
  }
  await db.transaction(async (tx) => {
    const row = await scimUsers.lockUser(tx, connectionId, resourceId);
    // Whoever was removed takes the resource along: somebody may have been quicker.
    await scimUsers.deleteUser(tx, resourceId);
    const now = new Date(clock.nowMs());
    const gone = { ...found, isActive: false, version: (row ?? found).version + 1 };
    await outbox.append(tx, ssoScimUserDeleted, toResourceMessage(gone, caller, now));
  });
}
