import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { lockPerson } from "../change-person.ts";
import { findDefaultRole, findRole, isAtMostAdmin } from "../default-role.ts";
import type { UserDeps } from "../deps.ts";
import type { Role, User } from "../model.ts";
import { tellPrincipal } from "../tell-principal.ts";
import { tellOfChange } from "./update-user.ts";

export interface FollowFederatedRoleInput {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly userId: string;
  /** What follows from the provider's word now; undefined when nothing does. */
  readonly role: Role | undefined;
  /** What takes the place of a role that is taken back; the tenant's default when undefined. */
  readonly defaultRole: Role | undefined;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Gives the person the role that follows from what a connection's provider says, or the default in the place of the one that it gave
 * before; the least where there is no such role any more. A role that somebody else gave stays when nothing follows. Nobody is changed
 * who may do more than an admin by another's decision. Throws `not_found`. A repeat is safe.
 */
export async function followFederatedRole(deps: UserDeps, input: FollowFederatedRoleInput): Promise<User> {
  const { db, federation, store } = deps;
  const { tenantId, connectionId, userId, role, defaultRole, clientAddress } = input;
  const found = await store.findUser(userId, tenantId);
  if (!found) throw new Failure(userFailures.not_found);
  if (role === undefined && (await federation.findGivenRole(db.sql, connectionId, userId)) === undefined) return found;
  const named = role ?? defaultRole;
  const wanted = named === undefined ? await findDefaultRole(deps, tenantId) : await findRole(deps, tenantId, named);
  const { after, isChanged } = await db.transaction(async (tx) => {
    const { person } = await lockPerson(deps, tx, { userId, tenantId, actor: undefined, needsOwners: false });
    const unchanged = { after: person, isChanged: false };
    const isOurs = (await federation.findGivenRole(tx, connectionId, userId)) === person.role;
    if (role === undefined) {
      await federation.deleteGivenRole(tx, connectionId, userId);
      if (!isOurs) return unchanged;
    }
    if (!isOurs && !(await isAtMostAdmin(deps, tenantId, person.role))) return unchanged;
    if (person.role === wanted) return unchanged;
    if (role !== undefined) await federation.upsertGivenRole(tx, connectionId, userId, wanted);
    const next = { ...person, role: wanted, version: person.version + 1, updatedAt: new Date(deps.clock.nowMs()) };
    await deps.people.updateUser(tx, next);
    const told = { actor: undefined, reason: `sign-on ${connectionId}`, clientAddress };
    await tellOfChange(deps, tx, person, { ...told, after: next, changed: ["role"] });
    return { after: next, isChanged: true };
  });
  if (isChanged) await tellPrincipal(deps, after);
  return after;
}
