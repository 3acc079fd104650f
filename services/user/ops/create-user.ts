import { userAudit, userCreated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { requireRole } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { toUserMessage } from "../messages.ts";
import type { Role, User, UserId } from "../model.ts";

export interface CreateUserInput {
  /** The platform's own when undefined: that of the first operator. */
  readonly tenantId: string | undefined;
  /** As `userFields.email` gives it. */
  readonly email: string;
  readonly password: Secret;
  readonly name: string;
  readonly role: Role;
  /** Who creates the person; the platform itself when left out. */
  readonly actorId?: string | undefined;
}

/**
 * Creates an active person. Throws `password_length`, `password_common`, `password_breached`, `email_taken`, `role_unknown`, and `kit.invalid_request` where no tenant
 * is given and there is no operator yet.
 */
export async function createUser(
  deps: UserDeps,
  { tenantId: wantedTenant, email, password, name, role, actorId = "" }: CreateUserInput,
): Promise<User> {
  const { db, store, people, outbox, clock, random, passwords, requireGoodPassword, audit } = deps;
  await requireGoodPassword(password);
  const tenantId = wantedTenant ?? (await people.findPlatformTenant());
  if (tenantId === undefined) throw tenantMissing();
  await requireRole(deps, { tenantId, role });
  const passwordHash = await passwords.hash(password);
  const createdAt = new Date(clock.nowMs());
  const userId = random.id("usr") as UserId;
  const user: User = {
    userId,
    tenantId,
    email,
    name,
    role,
    status: "active",
    isEmailVerified: false,
    version: 1,
    createdAt,
    updatedAt: createdAt,
  };
  await db.transaction(async (tx) => {
    if (!(await store.insertUser(tx, user, passwordHash))) throw new Failure(userFailures.email_taken);
    await outbox.append(tx, userCreated, toUserMessage(user));
    await audit.append(tx, { event: userAudit.created, userId, tenantId, actorId, clientAddress: "" });
  });
  return user;
}

function tenantMissing(): Failure {
  return new Failure(kitFailures.invalid_request, {
    field: "tenantId",
    reason: "must be given: there is no operator yet whose tenant would be meant",
    reason_zh_CN: "必须提供：尚无平台运营者，无法确定默认租户",
  });
}
