import { isDeepStrictEqual } from "node:util";
import { groupLimitsChanged, userLimitsChanged } from "@lyss/contracts/events/auth.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuthDeps } from "../deps.ts";
import type { Author } from "../model.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import { toLimitsChanged } from "./limit-messages.ts";
import { type SubjectLimits, type SubjectReference, withoutLimits } from "./subject-limits.ts";

export interface ChangeLimitsInput extends SubjectReference {
  /** What is left out stays. */
  readonly changes: Partial<SubjectLimits>;
  readonly author: Author;
}

type Deps = Pick<AuthDeps, "limits" | "clients" | "outbox" | "clock">;

const platform: Author = { userId: "", clientAddress: "" };

/**
 * Changes what is given of the limits of a group or a person; every node goes by it within a second. Throws `group_not_found`,
 * `group.archived` and `person_not_found`. A repeat is safe and says nothing new.
 */
export async function changeLimits(
  deps: Deps & Pick<AuthDeps, "db">,
  { changes, author, ...reference }: ChangeLimitsInput,
): Promise<SubjectLimits> {
  return deps.db.transaction(async (tx) => {
    await lockSubject(deps, tx, reference);
    const before = (await deps.limits.findLimits(tx, reference)) ?? withoutLimits;
    const after = { ...before, ...changes };
    if (isDeepStrictEqual(before, after)) return before;
    await deps.limits.putLimits(tx, reference, after);
    await sayChanged(deps, tx, reference, { before, after, author });
    return after;
  });
}

/** Takes the limits of a group or person that is gone. A repeat is safe and says nothing new. */
export async function endLimits(deps: Deps, tx: Tx, reference: SubjectReference): Promise<void> {
  const before = await deps.limits.findLimits(tx, reference);
  if (!before) return;
  await deps.limits.deleteLimits(tx, reference);
  if (isDeepStrictEqual(before, withoutLimits)) return;
  await sayChanged(deps, tx, reference, { before, after: withoutLimits, author: platform });
}

async function lockSubject(
  { limits }: Pick<AuthDeps, "limits">,
  tx: Tx,
  { tenantId, subject, subjectId }: SubjectReference,
): Promise<void> {
  if (subject === "user") {
    const isKnown = subjectId !== "" && (await limits.lockPerson(tx, { tenantId, userId: subjectId }));
    if (!isKnown) throw new Failure(authFailures.person_not_found);
    return;
  }
  const group = await limits.lockGroup(tx, { tenantId, groupId: subjectId });
  if (!group) throw new Failure(authFailures.group_not_found);
  if (group.isArchived) throw new Failure(groupFailures.archived);
}

async function sayChanged(
  deps: Deps,
  tx: Tx,
  reference: SubjectReference,
  change: { readonly before: SubjectLimits; readonly after: SubjectLimits; readonly author: Author },
): Promise<void> {
  const { tenantId, subject, subjectId } = reference;
  const event = subject === "group" ? groupLimitsChanged : userLimitsChanged;
  const changedAt = new Date(deps.clock.nowMs());
  await deps.outbox.append(tx, event, toLimitsChanged(reference, change, change.author, changedAt));
  // Who is in a group is known to the nodes by what they ask; all of the tenant is asked anew.
  await sayAccessChanged(deps, tx, { tenantId, userId: subject === "user" ? subjectId : "" });
}
