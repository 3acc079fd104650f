import { userAudit, userCreated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import { toUserMessage } from "../messages.ts";
import type { Role, User, UserId } from "../model.ts";
import { requireGoodPassword } from "../password.ts";

export interface CreateUserInput {
  readonly tenantId: string;
  /** As `userFields.email` gives it. */
  readonly email: string;
  readonly password: Secret;
  readonly name: string;
  readonly role: Role;
  /** Who creates the person; the platform itself when left out. */
  readonly actorId?: string | undefined;
}

/** Creates an active person. Throws `password_length`, `password_common` and `email_taken`. */
export async function createUser(
  { db, store, outbox, clock, random, passwords, audit }: UserDeps,
  { tenantId, email, password, name, role, actorId = "" }: CreateUserInput,
): Promise<User> {
  requireGoodPassword(password);
  const passwordHash = await passwords.hash(password);
  const createdAt = new Date(clock.nowMs());
  const userId = random.id("usr") as UserId;
  const user: User = { userId, tenantId, email, name, role, status: "active", createdAt, updatedAt: createdAt };
  await db.transaction(async (tx) => {
    if (!(await store.insertUser(tx, user, passwordHash))) throw new Failure(userFailures.email_taken);
    await outbox.append(tx, userCreated, toUserMessage(user));
    await audit.append(tx, { event: userAudit.created, userId, tenantId, actorId, clientAddress: "" });
  });
  return user;
}
