import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";

export interface GetUserInput {
  readonly userId: string;
  /** When given, a person of another tenant is not found. */
  readonly tenantId: string | undefined;
}

/** The person. Throws `not_found`. */
export async function getUser({ store }: Pick<UserDeps, "store">, { userId, tenantId }: GetUserInput): Promise<User> {
  const user = await store.findUser(userId, tenantId);
  if (!user) throw new Failure(userFailures.not_found);
  return user;
}
