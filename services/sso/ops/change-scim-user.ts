import { ssoScimUserUpdated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { emailOf, type PatchOperation, toAsciiLower, toUserDocument, type UserDocument } from "../scim/attributes.ts";
import { requireFound, requireScimVersion } from "../scim/caller.ts";
import { followPerson } from "../scim/follow-person.ts";
import { userKind } from "../scim/kinds.ts";
import { toResourceMessage } from "../scim/messages.ts";
import type { ScimReference, ScimUser } from "../scim/model.ts";
import { applyPatch } from "../scim/patch.ts";

export interface ReplaceScimUserInput extends ScimReference {
  readonly sent: Readonly<Record<string, unknown>>;
}

export interface PatchScimUserInput extends ScimReference {
  readonly operations: readonly PatchOperation[];
}

/**
 * The person with what was sent in the place of what was known; who is active stays so where nothing is said of it. Kept out or
 * let in on every node when it resolves. Throws `scim_not_found`, `scim_version_mismatch`, `scim_immutable` for another address,
 * `scim_taken`, `scim_last_owner` and `kit.invalid_request`. A repeat is safe.
 */
export function replaceScimUser(deps: SsoDeps, { sent, ...reference }: ReplaceScimUserInput): Promise<ScimUser> {
  return changeScimUser(deps, reference, () => toUserDocument(sent));
}

/** The same with single changes. Throws also `scim_path_invalid`, `scim_no_target` and `scim_filter_invalid`. */
export function patchScimUser(deps: SsoDeps, { operations, ...reference }: PatchScimUserInput): Promise<ScimUser> {
  return changeScimUser(deps, reference, (before) => {
    const { userName, externalId, isActive, attributes } = before;
    const known = { ...attributes, userName, active: isActive, ...(externalId !== "" && { externalId }) };
    return toUserDocument(applyPatch(userKind, known, operations));
  });
}

async function changeScimUser(
  deps: SsoDeps,
  reference: ScimReference,
  change: (before: ScimUser) => UserDocument,
): Promise<ScimUser> {
  const { db, scimUsers, outbox, clock } = deps;
  const { caller, resourceId } = reference;
  const { connectionId, tenantId } = caller.connection;
  const changed = await db.transaction(async (tx) => {
    const before = requireFound(await scimUsers.lockUser(tx, connectionId, resourceId), reference);
    requireScimVersion(before, reference);
    const { userName, externalId, active, ...attributes } = change(before);
    requireSameEmail(before, emailOf({ ...attributes, userName }));
    if (toAsciiLower(userName) !== toAsciiLower(before.userName)) {
      // After the row: whoever creates somebody holds no row that is there already.
      await scimUsers.lockNames(tx, tenantId);
      if (await scimUsers.findByName(tx, tenantId, userName)) {
        throw new Failure(ssoFailures.scim_taken, { field: "userName" });
      }
    }
    const updatedAt = new Date(clock.nowMs());
    const after: ScimUser = {
      ...{ ...before, userName, externalId: externalId ?? "", isActive: active ?? before.isActive, attributes },
      ...{ version: before.version + 1, updatedAt, isDue: true },
    };
    await scimUsers.updateUser(tx, after);
    await outbox.append(tx, ssoScimUserUpdated, toResourceMessage(after, caller, updatedAt));
    return after;
  });
  await followPerson(deps, caller.connection, resourceId).catch(async (err: unknown) => {
    if (!isFailure(err, userFailures.last_owner)) throw err;
    await letIn(deps, reference);
    throw new Failure(ssoFailures.scim_last_owner, {}, { cause: err });
  });
  return changed;
}

/** Takes back that somebody is kept out who cannot be. */
async function letIn({ db, scimUsers, outbox, clock }: SsoDeps, { caller, resourceId }: ScimReference): Promise<void> {
  await db.transaction(async (tx) => {
    const row = await scimUsers.lockUser(tx, caller.connection.connectionId, resourceId);
    if (!row || row.isActive) return;
    const updatedAt = new Date(clock.nowMs());
    const after = { ...row, isActive: true, version: row.version + 1, updatedAt };
    await scimUsers.updateUser(tx, after);
    await outbox.append(tx, ssoScimUserUpdated, toResourceMessage(after, caller, updatedAt));
  });
}

/** By its address a person signs in: another one is somebody else until its owner has shown that it is theirs. */
function requireSameEmail({ email: known }: ScimUser, email: string): void {
  if (email === known) return;
  throw new Failure(ssoFailures.scim_immutable, {
    field: "emails",
    hint: "Keep the address as primary, or delete the person and create a new one",
    hint_zh_CN: "请保留原地址为主地址，或删除该人员后重新创建",
  });
}
