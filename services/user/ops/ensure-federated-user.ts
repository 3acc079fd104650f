import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { userAudit, userCreated, userFederated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { findDefaultRole, findRole, isAtMostAdmin } from "../default-role.ts";
import type { UserDeps } from "../deps.ts";
import { toUserMessage } from "../messages.ts";
import { normalizeEmail, type Role, type User, type UserId } from "../model.ts";

export interface EnsureFederatedUserInput {
  readonly tenantId: string;
  readonly connectionId: string;
  /** Compared byte by byte, with subjects of the same connection and nothing else. */
  readonly subject: string;
  /** Undefined when it is not known. */
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  readonly isDomainTrusted: boolean;
  /** The address when undefined. */
  readonly name: string | undefined;
  /** Of a person who is created; the tenant's default when undefined, the least where there is no such role any more. */
  readonly role: Role | undefined;
  readonly mayCreate: boolean;
  /** Under which name the connection has people made who have not signed in yet. */
  readonly provisionedBy: string | undefined;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * The person for whom a connection of the tenant vouches: the one whom its subject is linked to; else one of the tenant with
 * that address and without another subject, if the provider has checked it and either the domain is the tenant's or the
 * connection made this person; else a new one, if there may be. Nobody by the address alone who may do more than an admin: whoever sets up a connection would become that person. Who is
 * found may not be active. Throws `federation_refused`, the same for an address that is taken and for one that is not. A repeat is safe.
 */
export async function ensureFederatedUser(
  deps: UserDeps,
  input: EnsureFederatedUserInput,
): Promise<{ readonly user: User; readonly isNew: boolean }> {
  const { db, federation } = deps;
  const { connectionId, subject, tenantId, mayCreate } = input;
  const role = mayCreate ? await findRoleOfNew(deps, input) : "viewer";
  return db.transaction(async (tx) => {
    await federation.lockSubject(tx, connectionId, subject);
    const known = await federation.findBySubject(tx, connectionId, subject);
    if (known) {
      if (known.tenantId !== tenantId) throw new Failure(userFailures.federation_refused);
      return { user: known, isNew: false };
    }
    if (input.email === undefined || !isPlain(input.email)) throw new Failure(userFailures.federation_refused);
    const email = normalizeEmail(input.email);
    const found = await federation.lockByEmail(tx, email);
    if (found) {
      if (!(await isLinkable(deps, tx, found, input))) throw new Failure(userFailures.federation_refused);
      await link(deps, tx, found, input, false);
      return { user: found, isNew: false };
    }
    if (!input.mayCreate) throw new Failure(userFailures.federation_refused);
    return { user: await createPerson(deps, tx, email, { ...input, role }), isNew: true };
  });
}

function findRoleOfNew(deps: UserDeps, { tenantId, role }: EnsureFederatedUserInput): Promise<Role> {
  return role === undefined ? findDefaultRole(deps, tenantId) : findRole(deps, tenantId, role);
}

/** Plain ASCII: of what else there is, some becomes another letter in lower case, such as the Kelvin sign. */
function isPlain(email: string): boolean {
  return /^[\x21-\x7e]+$/.test(email);
}

async function isLinkable(
  { federation, auth }: Pick<UserDeps, "federation" | "auth">,
  tx: Tx,
  { userId, tenantId, role }: User,
  input: EnsureFederatedUserInput,
): Promise<boolean> {
  if (tenantId !== input.tenantId || !input.isEmailVerified) return false;
  if (!(await isAtMostAdmin({ auth }, tenantId, role))) return false;
  // Who has signed in before has a subject: another one with the address is somebody to whom it was given later.
  if (await federation.hasIdentity(tx, input.connectionId, userId)) return false;
  const { provisionedBy } = input;
  if (input.isDomainTrusted) return true;
  return provisionedBy !== undefined && federation.hasIdentity(tx, provisionedBy, userId);
}

async function createPerson(
  deps: UserDeps,
  tx: Tx,
  email: string,
  input: EnsureFederatedUserInput & { readonly role: Role },
): Promise<User> {
  const { store, outbox, audit, random, clock } = deps;
  const { tenantId, role, clientAddress, name = email.slice(0, 100) } = input;
  const createdAt = new Date(clock.nowMs());
  const userId = random.id("usr") as UserId;
  const user: User = {
    ...{ userId, tenantId, email, name, role, status: "active", version: 1, createdAt, updatedAt: createdAt },
    isEmailVerified: false,
  };
  // Somebody else may have taken the address since it was looked up.
  if (!(await store.insertUser(tx, user, null))) throw new Failure(userFailures.federation_refused);
  await outbox.append(tx, userCreated, toUserMessage(user));
  await audit.append(tx, { event: userAudit.created, userId, tenantId, actorId: "", clientAddress });
  await link(deps, tx, user, input, true);
  return user;
}

async function link(
  { federation, outbox, audit, clock }: UserDeps,
  tx: Tx,
  { userId, tenantId }: User,
  { connectionId, subject, clientAddress }: EnsureFederatedUserInput,
  isNew: boolean,
): Promise<void> {
  const linkedAt = new Date(clock.nowMs());
  await federation.insertIdentity(tx, { connectionId, subject, userId }, linkedAt);
  const told = { userId, tenantId, connectionId, isNew, clientAddress };
  await outbox.append(tx, userFederated, { ...told, federatedAt: timestampFromDate(linkedAt) });
  const act = { event: userAudit.federated, userId, tenantId, actorId: "", clientAddress, subjectId: connectionId };
  await audit.append(tx, act);
}
