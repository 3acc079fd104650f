import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "./deps.ts";
import type { Connection, FederatedRole, GroupRule } from "./model.ts";
import type { GivenKey } from "./sign-in-store.ts";

/** The platform itself, within one tenant. */
export const groupActor = { userId: "", permissions: ["group:manage"] };
/** How long a membership is tried for somebody of whom group has not heard yet. */
const pendingMs = 3_600_000;
const maxPendingAtOnce = 200;

type Membership = Omit<GroupRule, "value">;
type GroupDeps = Pick<SsoDeps, "group" | "signIns" | "db" | "clock">;
const rank: Readonly<Record<FederatedRole, number>> = { viewer: 0, member: 1, admin: 2 };

/** The memberships that the rules make of what a provider says; of two roles in one group the better. */
export function membershipsOf(rules: readonly GroupRule[], groups: readonly string[]): readonly Membership[] {
  const values = new Set(groups);
  const byGroup = new Map<string, FederatedRole>();
  for (const { value, groupId, role } of rules) {
    if (!values.has(value)) continue;
    const known = byGroup.get(groupId);
    if (known === undefined || rank[role] > rank[known]) byGroup.set(groupId, role);
  }
  return [...byGroup].map(([groupId, role]) => ({ groupId, role }));
}

/**
 * Gives the person the memberships that follow from `groups`, and takes back those that this connection gave before and that
 * follow no more. Memberships that somebody else gave stay as they are. A repeat is safe.
 */
export async function applyGroupRules(
  deps: GroupDeps,
  { connectionId, tenantId, rules }: Pick<Connection, "connectionId" | "tenantId" | "rules">,
  userId: string,
  groups: readonly string[],
): Promise<void> {
  const { group, signIns, db } = deps;
  const given = await signIns.listGiven(connectionId, userId);
  const wanted = membershipsOf(rules.groupMapping, groups);
  const reference = { tenantId, userId, actor: groupActor };
  for (const { groupId } of given) {
    if (wanted.some((one) => one.groupId === groupId)) continue;
    await unlessGone(group.removeMember({ ...reference, groupId }));
    await db.transaction((tx) => signIns.deleteGiven(tx, { connectionId, userId, groupId }));
  }
  for (const one of wanted) {
    const before = given.find(({ groupId }) => groupId === one.groupId);
    if (before?.role === one.role) continue;
    // Noted first: a membership that nobody knows to be ours would never be taken back.
    await db.transaction((tx) => signIns.upsertGiven(tx, connectionId, userId, one));
    if (before) await unlessGone(group.changeMemberRole({ ...reference, ...one }));
    else await give(deps, tenantId, { connectionId, userId, ...one }, undefined);
  }
}

/** Tries again what could not be given yet. */
export async function givePending(deps: GroupDeps): Promise<void> {
  for (const { tenantId, pendingUntil, ...one } of await deps.signIns.listPending(maxPendingAtOnce)) {
    await give(deps, tenantId, one, pendingUntil);
  }
}

async function give(
  { group, signIns, db, clock }: GroupDeps,
  tenantId: string,
  { role, ...key }: GivenKey & { readonly role: FederatedRole },
  pendingUntil: Date | undefined,
): Promise<void> {
  const { userId, groupId } = key;
  try {
    await group.addMember({ tenantId, groupId, userId, role, actor: groupActor });
  } catch (err) {
    const isExpected = isGone(err) || isFailure(err, groupFailures.member_exists);
    if (!isExpected) throw err;
    const until = pendingUntil ?? new Date(clock.nowMs() + pendingMs);
    // Whoever was made a moment ago is heard of in a moment.
    const isPending = isFailure(err, groupFailures.person_not_found) && until.getTime() > clock.nowMs();
    return db.transaction((tx) => (isPending ? signIns.setPending(tx, key, until) : signIns.deleteGiven(tx, key)));
  }
  if (pendingUntil) await db.transaction((tx) => signIns.setPending(tx, key, null));
}

/** A group or member that is there no more keeps nobody from signing in; nor does being the last owner. */
async function unlessGone(change: Promise<unknown>): Promise<void> {
  await change.catch((err: unknown) => {
    if (!isGone(err) && !isFailure(err, groupFailures.last_owner)) throw err;
  });
}

function isGone(err: unknown): boolean {
  const { not_found, archived, member_not_found, person_not_found, too_many_members } = groupFailures;
  return [not_found, archived, member_not_found, person_not_found, too_many_members].some((type) =>
    isFailure(err, type),
  );
}
