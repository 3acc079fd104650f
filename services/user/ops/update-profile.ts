import { userAudit, userUpdated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { isSelf, lockPerson, type PersonReference, requireAbove } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { toUpdatedMessage } from "../messages.ts";
import { ownFields, type Profile, shownFields } from "../profile.ts";

type Change = Partial<Pick<Profile, (typeof shownFields)[number] | (typeof ownFields)[number]>>;

export interface UpdateProfileInput extends PersonReference {
  /** What is left out, or undefined, stays. */
  readonly change: { readonly [Field in keyof Change]: Change[Field] | undefined };
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * The profile as it is from now on. People change their own, with `user:update` everybody's in the tenant whose role is not
 * above their own. What is so already changes nothing. Everybody hears of what others see; settings are the person's own
 * and told to nobody. Throws `not_found`, `version_mismatch`, `role_above_own` and `kit.permission_denied`. A repeat is safe.
 */
export async function updateProfile(deps: UserDeps, input: UpdateProfileInput): Promise<Profile> {
  const { change } = input;
  return changeProfile(deps, input, async (tx, before) => {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    const wanted: Profile = { ...before, ...given };
    const isChanged = [...shownFields, ...ownFields].some((field) => wanted[field] !== before[field]);
    if (!isChanged) return before;
    const after = nextOf(deps, wanted);
    await deps.profiles.updateProfile(tx, after);
    await tell(deps, tx, { input, before, after });
    return after;
  });
}

/** Changes a profile within a transaction that has locked the person, once the actor is known to be allowed to. */
export async function changeProfile(
  deps: UserDeps,
  reference: PersonReference,
  work: (tx: Tx, before: Profile) => Promise<Profile>,
): Promise<Profile> {
  const { db, profiles } = deps;
  return db.transaction(async (tx) => {
    const { person } = await lockPerson(deps, tx, { ...reference, needsOwners: false });
    if (!isSelf(reference.actor, person)) await requireAbove(deps, tx, reference.actor, person);
    const before = await profiles.readProfile(tx, person.userId);
    if (!before) throw new Failure(userFailures.not_found);
    return work(tx, before);
  });
}

/** The version that follows. */
export function nextOf({ clock }: Pick<UserDeps, "clock">, profile: Profile): Profile {
  return { ...profile, version: profile.version + 1, updatedAt: new Date(clock.nowMs()) };
}

async function tell(
  { outbox, audit }: UserDeps,
  tx: Tx,
  { input, before, after }: { input: UpdateProfileInput; before: Profile; after: Profile },
): Promise<void> {
  const shown = shownFields.filter((field) => after[field] !== before[field]);
  if (shown.length === 0) return;
  const actorId = input.actor?.userId ?? "";
  await outbox.append(tx, userUpdated, toUpdatedMessage(before, after, actorId));
  const { userId, tenantId } = after;
  // Names of fields alone: the log stays when its person is gone.
  const act = { event: userAudit.updated, userId, tenantId, actorId, detail: shown.join(", ") };
  await audit.append(tx, { ...act, clientAddress: input.clientAddress });
}
