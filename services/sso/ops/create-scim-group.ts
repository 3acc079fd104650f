import { ssoScimGroupCreated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { type GroupDocument, scimLimits, toGroupDocument } from "../scim/attributes.ts";
import { toResourceMessage } from "../scim/messages.ts";
import type { ScimCaller, ScimGroup } from "../scim/model.ts";

export interface CreateScimGroupInput {
  readonly caller: ScimCaller;
  readonly sent: Readonly<Record<string, unknown>>;
}

/**
 * A new group of the connection; what it gives its members follows from the connection's group mapping, within seconds. Throws
 * `scim_taken`, `scim_too_many`, `scim_member_unknown` and `kit.invalid_request`.
 */
export async function createScimGroup(deps: SsoDeps, { caller, sent }: CreateScimGroupInput): Promise<ScimGroup> {
  const { db, scimUsers, scimGroups, outbox, clock, random } = deps;
  const { connectionId, tenantId } = caller.connection;
  const { displayName, externalId, members } = toGroupDocument(sent);
  const now = new Date(clock.nowMs());
  const group: ScimGroup = {
    ...{ resourceId: random.id("scg"), connectionId, tenantId, displayName, externalId: externalId ?? "" },
    ...{ version: 1, createdAt: now, updatedAt: now },
  };
  await db.transaction(async (tx) => {
    await scimUsers.lockGroups(tx, connectionId);
    const limit = scimLimits.groupsPerConnection;
    if ((await scimGroups.countGroups(tx, connectionId)) >= limit) {
      throw new Failure(ssoFailures.scim_too_many, { field: "Groups", limit });
    }
    if (!(await scimGroups.insertGroup(tx, group))) throw new Failure(ssoFailures.scim_taken, { field: "displayName" });
    await setMembers(deps, tx, group, members);
    await outbox.append(tx, ssoScimGroupCreated, toResourceMessage(group, caller, now));
  });
  return group;
}

/**
 * Makes these and nobody else the group's members; the people whom that changes are to follow. With `wasRenamed` all are. Throws
 * `scim_member_unknown`.
 */
export async function setMembers(
  { scimUsers, scimGroups }: Pick<SsoDeps, "scimUsers" | "scimGroups">,
  tx: Tx,
  { connectionId, resourceId }: ScimGroup,
  members: GroupDocument["members"],
  wasRenamed = false,
): Promise<void> {
  const wanted = new Set((members ?? []).map(({ value }) => value));
  const before = new Set(await scimGroups.listMemberIds(tx, resourceId));
  const added = [...wanted.difference(before)];
  const removed = [...before.difference(wanted)];
  const known = new Set(added.length === 0 ? [] : await scimUsers.listKnown(tx, connectionId, added));
  const unknown = added.find((id) => !known.has(id));
  if (unknown !== undefined) throw new Failure(ssoFailures.scim_member_unknown, { id: unknown });
  if (added.length > 0) await scimGroups.addMembers(tx, resourceId, added);
  if (removed.length > 0) await scimGroups.removeMembers(tx, resourceId, removed);
  const due = wasRenamed ? [...before.union(wanted)] : [...added, ...removed];
  if (due.length > 0) await scimUsers.setGroupsDue(tx, due);
}
