import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { type GroupReference, readGroup } from "../access.ts";
import type { GroupDeps } from "../deps.ts";
import { type Group, toGroup } from "../model.ts";

export interface GetGroupInput extends GroupReference {
  /** The group after that many events. */
  readonly atVersion?: number | undefined;
  /** The group at that time. */
  readonly atTimeMs?: number | undefined;
}

/**
 * The group as it is, or as it was: who may know of it is decided by what it is now. Throws `not_found`, and
 * `version_not_found` for a version or time at which there was none.
 */
export async function getGroup({ groups }: Pick<GroupDeps, "groups">, input: GetGroupInput): Promise<Group> {
  const { groupId, atVersion, atTimeMs } = input;
  const present = await readGroup({ groups }, input, "group:read");
  if (atVersion === undefined && atTimeMs === undefined) return toGroup(present);
  const former = await groups.loadAt(groupId, { version: atVersion, timeMs: atTimeMs });
  const isThere = former.version > 0 && (atVersion === undefined || atVersion <= present.version);
  if (!isThere) throw new Failure(groupFailures.version_not_found, { current: present.version });
  return toGroup(former);
}
