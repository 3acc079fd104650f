import { userFailures } from "@lyss/contracts/failures/user.ts";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { applyGroupRules } from "../group-rules.ts";
import type { Connection } from "../model.ts";
import { applyRoleRules } from "../role-rules.ts";
import { displayNameOf } from "./attributes.ts";
import type { ScimUser } from "./model.ts";

/** As often as a resource may change while its person is brought up to it. */
const maxRounds = 5;
const maxFollowedAtOnce = 200;

type FollowDeps = Pick<
  SsoDeps,
  "user" | "group" | "signIns" | "scimUsers" | "scimGroups" | "connections" | "db" | "clock"
>;

/**
 * Brings the person here to where the provider has them: kept out or let in, named so, in those groups, with the role that follows. Whoever was suspended
 * here stays so. A person who is gone takes the resource along. A repeat is safe; what was broken off is done by the job.
 * Throws `user.last_owner`.
 */
export async function followPerson(deps: FollowDeps, connection: Connection, resourceId: string): Promise<void> {
  const { scimUsers, db } = deps;
  for (let round = 0; round < maxRounds; round++) {
    const row = await scimUsers.findUser(connection.connectionId, resourceId);
    // Somebody who was quicker may have ended what is due before our own word, of an older version, came through.
    if (!row || (round === 0 && !row.isDue)) return;
    if (!(await followStatus(deps, row))) {
      await db.transaction((tx) => scimUsers.deleteUser(tx, resourceId));
      return;
    }
    const groups = await followGroups(deps, connection, row.userId);
    if (await db.transaction((tx) => scimUsers.setDone(tx, row, groups))) return;
  }
}

/**
 * The same for those who are waiting, the longest waiting first. One who cannot be brought there keeps nobody else waiting: what
 * went wrong is thrown when all had their turn.
 */
export async function followPeople(deps: FollowDeps): Promise<void> {
  const errors: unknown[] = [];
  for (const row of await deps.scimUsers.listDue(maxFollowedAtOnce)) {
    const connection = await deps.connections.findConnection(row.tenantId, row.connectionId);
    if (!connection) continue;
    await followPerson(deps, connection, row.resourceId).catch(async (err: unknown) => {
      // Told to the provider by the call that asked for it, and undone by it.
      if (!isFailure(err, userFailures.last_owner)) errors.push(err);
    });
  }
  if (errors.length > 0)
    throw new AggregateError(errors, "people could not be brought to where their provider has them");
}

/** False when the person is gone. */
async function followStatus({ user }: Pick<SsoDeps, "user">, row: ScimUser): Promise<boolean> {
  const { tenantId, userId, isActive } = row;
  const reference = { tenantId, userId };
  const person = await unlessGone(user.getUser(reference));
  if (!person) return false;
  const wanted = isActive ? UserStatus.ACTIVE : UserStatus.INACTIVE;
  if (person.status !== wanted && person.status !== UserStatus.SUSPENDED) {
    await unlessGone(user.setUserStatus({ ...reference, status: wanted, reason: "SCIM" }));
  }
  const name = displayNameOf({ ...row.attributes, userName: row.userName });
  if (name !== "" && name !== person.name) await unlessGone(user.updateUser({ ...reference, name }));
  return true;
}

async function followGroups(deps: FollowDeps, connection: Connection, userId: string): Promise<readonly string[]> {
  const groups = await deps.scimGroups.findGroupNames(connection.connectionId, userId);
  if (!groups) return [];
  await applyGroupRules(deps, connection, userId, groups);
  await unlessGone(applyRoleRules(deps, connection, { userId, groups, clientAddress: "" }));
  return groups;
}

async function unlessGone<Result>(call: Promise<Result>): Promise<Result | undefined> {
  return call.catch((err: unknown) => {
    if (isFailure(err, userFailures.not_found)) return undefined;
    throw err;
  });
}
