import { manageGroupsPermission } from "@lyss/contracts/access/group-roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { AuthDeps } from "../deps.ts";
import { manageKeysPermission } from "../model.ts";
import { type SubjectLimits, type SubjectReference, withoutLimits } from "./subject-limits.ts";

export interface GetLimitsInput extends SubjectReference {
  readonly asker: { readonly userId: string; readonly permissions: readonly string[] };
}

/**
 * The limits of a group, for those who have a role in it or in one above it or manage groups; or of a person, for the person and those
 * who manage keys. Throws `group_not_found` and `person_not_found`, also for those who may not know.
 */
export async function getLimits(
  deps: Pick<AuthDeps, "db" | "access" | "principals" | "limits">,
  { asker, ...reference }: GetLimitsInput,
): Promise<SubjectLimits> {
  const isSeen = reference.subject === "group" ? seesGroup : seesPerson;
  const failure = reference.subject === "group" ? authFailures.group_not_found : authFailures.person_not_found;
  if (!(await isSeen(deps, reference, asker))) throw new Failure(failure);
  return (await deps.limits.findLimits(deps.db.sql, reference)) ?? withoutLimits;
}

async function seesGroup(
  { access }: Pick<AuthDeps, "access">,
  { tenantId, subjectId: groupId }: SubjectReference,
  { userId, permissions }: GetLimitsInput["asker"],
): Promise<boolean> {
  const upwards = await access.listRolesUpwards({ tenantId, groupId, userId });
  if (upwards.length === 0) return false;
  return permits(permissions, manageGroupsPermission) || upwards.some(({ role }) => role !== null);
}

async function seesPerson(
  { principals }: Pick<AuthDeps, "principals">,
  { tenantId, subjectId }: SubjectReference,
  { userId, permissions }: GetLimitsInput["asker"],
): Promise<boolean> {
  if (subjectId === "" || (subjectId !== userId && !permits(permissions, manageKeysPermission))) return false;
  return (await principals.findPrincipal(tenantId, subjectId)) !== undefined;
}
