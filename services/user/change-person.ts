import { findNotHeld } from "@lyss/contracts/access/roles.ts";
import { isAtMostMember, readRoles } from "@lyss/contracts/access/tenant-roles.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { UserDeps } from "./deps.ts";
import { type Actor, isOwner, type Role, type User, updateUsersPermission } from "./model.ts";

/** Whom is meant, and who asks. */
export interface PersonReference {
  readonly userId: string;
  /** When given, a person of another tenant is not found. */
  readonly tenantId: string | undefined;
  /** Undefined for the platform itself, which may do everything. */
  readonly actor: Actor | undefined;
  /** Undefined when any version will do. */
  readonly expectedVersion?: number | undefined;
}

/**
 * The person, locked until the transaction ends; with `needsOwners`, those without whom the tenant would be nobody's are
 * locked before, so that two who leave at once see each other. Throws `not_found` and `version_mismatch`.
 */
export async function lockPerson(
  { people }: Pick<UserDeps, "people">,
  tx: Tx,
  { userId, tenantId, expectedVersion, needsOwners }: PersonReference & { readonly needsOwners: boolean },
): Promise<{ readonly person: User; readonly owners: readonly Pick<User, "userId" | "role">[] }> {
  // In the transaction: as many changes at once as there are connections would else wait for each other.
  const known = await people.readUser(tx, userId);
  const found = tenantId === undefined || known?.tenantId === tenantId ? known : undefined;
  const owners = found && needsOwners ? await people.lockOwners(tx, found.tenantId) : [];
  const person = found && (await people.lockUser(tx, userId));
  if (!person) throw new Failure(userFailures.not_found);
  if (expectedVersion !== undefined && expectedVersion !== person.version) {
    throw new Failure(userFailures.version_mismatch, { current: person.version, expected: expectedVersion });
  }
  return { person, owners };
}

/**
 * Whoever changes another person, or anybody's role or status, holds `user:update`, or what else is asked, and has a role that holds
 * all that the role of that person does. A key reaches roles above a member only if it holds all that they do: one that may invite must not make
 * owners. Only operators reach people of other tenants. Throws `kit.permission_denied`, `role_above_own` and `not_found`.
 */
export async function requireAbove(
  { people, auth }: Pick<UserDeps, "people" | "auth">,
  tx: Tx,
  actor: Actor | undefined,
  { tenantId, role }: Pick<User, "tenantId" | "role">,
  permission: string = updateUsersPermission,
): Promise<void> {
  if (!actor) return;
  if (!permits(actor.permissions, permission)) throw new Failure(kitFailures.permission_denied, { permission });
  const self = await people.readUser(tx, actor.userId);
  const own = self?.status === "active" ? self.role : undefined;
  if (own !== "operator" && self?.tenantId !== tenantId) throw new Failure(userFailures.not_found);
  const permissionsOf = await readRoles({ auth }, tenantId, [own ?? "", role]);
  const held = permissionsOf(own ?? "");
  if (!held) throw new Failure(userFailures.role_above_own, { role });
  // Whose role there is not may do nothing by it.
  const wanted = permissionsOf(role) ?? [];
  requireAll(held, wanted, role);
  if (actor.keyId !== "" && !isAtMostMember(wanted)) requireAll(actor.permissions, wanted, role);
}

function requireAll(held: readonly string[], wanted: readonly string[], role: Role): void {
  if (findNotHeld(held, wanted) !== undefined) throw new Failure(userFailures.role_above_own, { role });
}

/** Throws `role_unknown` for a role that the tenant does not have. */
export async function requireRole(
  { auth }: Pick<UserDeps, "auth">,
  { tenantId, role }: Pick<User, "tenantId" | "role">,
): Promise<void> {
  const permissionsOf = await readRoles({ auth }, tenantId, [role]);
  if (!permissionsOf(role)) throw new Failure(userFailures.role_unknown, { field: "role", role });
}

/** Whether the actor is the person, signed in. */
export function isSelf(actor: Actor | undefined, { userId }: Pick<User, "userId">): boolean {
  return actor !== undefined && actor.keyId === "" && actor.userId === userId;
}

/** Throws `last_owner` for a change that leaves a tenant without an active owner, or the platform without an operator. */
export function requireOwnersLeft(
  owners: readonly Pick<User, "userId" | "role">[],
  before: User,
  after: Pick<User, "role" | "status"> | undefined,
): void {
  for (const role of ["operator", "owner"] as const) {
    const counts = (one: Pick<User, "role">) => one.role === role || (role === "owner" && isOwner(one.role));
    if (before.status !== "active" || !counts(before)) continue;
    if (after?.status === "active" && counts(after)) continue;
    const isOther = owners.some((one) => one.userId !== before.userId && counts(one));
    if (!isOther) throw new Failure(userFailures.last_owner, { role });
  }
}
