import { userAudit, userUpdated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import {
  isSelf,
  lockPerson,
  type PersonReference,
  requireAbove,
  requireOwnersLeft,
  requireRole,
} from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { toUpdatedMessage } from "../messages.ts";
import type { Role, User, UserStatus } from "../model.ts";
import { tellPrincipal } from "../tell-principal.ts";

export interface UpdateUserInput extends PersonReference {
  /** What is undefined stays. */
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly status?: UserStatus | undefined;
  /** Why; for the audit log. */
  readonly reason?: string | undefined;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * The person as it is from now on. People change their own name; with `user:update`, name, role and status of everybody in
 * the tenant whose role holds no more than their own, and give no role that does. What is so already changes nothing. A status that
 * ends or a role that is taken away holds on every node as soon as auth was told. Throws `not_found`, `version_mismatch`, `role_above_own`, `role_unknown`,
 * `own_status`, `last_owner` and `kit.permission_denied`. A repeat is safe.
 */
export async function updateUser(deps: UserDeps, input: UpdateUserInput): Promise<User> {
  const { db, people, clock } = deps;
  const { actor, name, role, status } = input;
  const { after, isTold } = await db.transaction(async (tx) => {
    const needsOwners = role !== undefined || status !== undefined;
    const { person, owners } = await lockPerson(deps, tx, { ...input, needsOwners });
    const wanted = { name: name ?? person.name, role: role ?? person.role, status: status ?? person.status };
    const changed = (["name", "role", "status"] as const).filter((field) => wanted[field] !== person[field]);
    const isOwnName = isSelf(actor, person) && !changed.includes("role") && !changed.includes("status");
    if (!isOwnName) await requireAbove(deps, tx, actor, person);
    if (changed.length === 0) return { after: person, isTold: true };
    if (changed.includes("role")) {
      await requireAbove(deps, tx, actor, { ...person, role: wanted.role });
      await requireRole(deps, { ...person, role: wanted.role });
    }
    if (changed.includes("status") && actor?.userId === person.userId) throw new Failure(userFailures.own_status);
    requireOwnersLeft(owners, person, wanted);
    const after = { ...person, ...wanted, version: person.version + 1, updatedAt: new Date(clock.nowMs()) };
    await people.updateUser(tx, after);
    await tellOfChange(deps, tx, person, { ...input, after, changed });
    return { after, isTold: !needsOwners };
  });
  if (!isTold) await tellPrincipal(deps, after);
  return after;
}

/** What changed of a person, and how it came about. */
interface Told extends Pick<UpdateUserInput, "actor" | "clientAddress" | "reason"> {
  readonly after: User;
  readonly changed: readonly ("name" | "role" | "status")[];
}

/** Says what changed of a person, with the change: to everybody who listens, and in the person's audit log. */
export async function tellOfChange({ outbox, audit }: UserDeps, tx: Tx, before: User, told: Told): Promise<void> {
  const { after, changed, actor, clientAddress, reason } = told;
  const actorId = actor?.userId ?? "";
  await outbox.append(tx, userUpdated, toUpdatedMessage(before, after, actorId));
  const acts = { name: userAudit.updated, role: userAudit.roleChanged, status: userAudit.statusChanged };
  for (const field of changed) {
    // The log stays when its person is gone, so it holds no name.
    const change = field === "name" ? "name" : `${field}: ${before[field]} → ${after[field]}`;
    const detail = `${change}${reason ? ` (${reason})` : ""}`;
    const { userId, tenantId } = after;
    await audit.append(tx, { event: acts[field], userId, tenantId, actorId, clientAddress, detail });
  }
}
