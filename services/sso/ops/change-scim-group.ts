import { ssoScimGroupDeleted, ssoScimGroupUpdated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { type GroupDocument, type PatchOperation, toGroupDocument } from "../scim/attributes.ts";
import { requireFound, requireScimVersion } from "../scim/caller.ts";
import { groupKind } from "../scim/kinds.ts";
import { toResourceMessage } from "../scim/messages.ts";
import type { ScimGroup, ScimReference } from "../scim/model.ts";
import { applyPatch } from "../scim/patch.ts";
import { setMembers } from "./create-scim-group.ts";

export interface ReplaceScimGroupInput extends ScimReference {
  readonly sent: Readonly<Record<string, unknown>>;
}

export interface PatchScimGroupInput extends ScimReference {
  readonly operations: readonly PatchOperation[];
}

/**
 * The group with what was sent in the place of what was known; its members follow within seconds. Throws `scim_not_found`,
 * `scim_version_mismatch`, `scim_taken`, `scim_member_unknown` and `kit.invalid_request`. A repeat is safe.
 */
export function replaceScimGroup(deps: SsoDeps, { sent, ...reference }: ReplaceScimGroupInput): Promise<ScimGroup> {
  return changeScimGroup(deps, reference, () => toGroupDocument(sent));
}

/** The same with single changes. Throws also `scim_path_invalid`, `scim_no_target` and `scim_filter_invalid`. */
export function patchScimGroup(deps: SsoDeps, { operations, ...reference }: PatchScimGroupInput): Promise<ScimGroup> {
  return changeScimGroup(deps, reference, ({ displayName, externalId }, memberIds) => {
    const known = {
      ...{ displayName, members: memberIds.map((value) => ({ value })) },
      ...(externalId !== "" && { externalId }),
    };
    return toGroupDocument(applyPatch(groupKind, known, operations));
  });
}

async function changeScimGroup(
  deps: SsoDeps,
  reference: ScimReference,
  change: (before: ScimGroup, memberIds: readonly string[]) => GroupDocument,
): Promise<ScimGroup> {
  const { db, scimUsers, scimGroups, outbox, clock } = deps;
  const { caller, resourceId } = reference;
  const { connectionId } = caller.connection;
  return db.transaction(async (tx) => {
    await scimUsers.lockGroups(tx, connectionId);
    const before = requireFound(await scimGroups.lockGroup(tx, connectionId, resourceId), reference);
    requireScimVersion(before, reference);
    const { displayName, externalId, members } = change(before, await scimGroups.listMemberIds(tx, resourceId));
    const updatedAt = new Date(clock.nowMs());
    const version = before.version + 1;
    const after: ScimGroup = { ...before, displayName, externalId: externalId ?? "", version, updatedAt };
    if (await scimGroups.hasOtherOfName(tx, after)) throw new Failure(ssoFailures.scim_taken, { field: "displayName" });
    await scimGroups.updateGroup(tx, after);
    await setMembers(deps, tx, after, members, displayName !== before.displayName);
    await outbox.append(tx, ssoScimGroupUpdated, toResourceMessage(after, caller, updatedAt));
    return after;
  });
}

/** The group is gone, and what it gave is taken back within seconds. Throws `scim_not_found` and `scim_version_mismatch`. */
export async function deleteScimGroup(deps: SsoDeps, reference: ScimReference): Promise<void> {
  const { db, scimGroups, outbox, clock } = deps;
  const { caller, resourceId } = reference;
  await db.transaction(async (tx) => {
    const found = await scimGroups.lockGroup(tx, caller.connection.connectionId, resourceId);
    const before = requireFound(found, reference);
    requireScimVersion(before, reference);
    await setMembers(deps, tx, before, []);
    await scimGroups.deleteGroup(tx, resourceId);
    const gone = { ...before, version: before.version + 1 };
    await outbox.append(tx, ssoScimGroupDeleted, toResourceMessage(gone, caller, new Date(clock.nowMs())));
  });
}
