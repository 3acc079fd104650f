import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import type { Avatar } from "../profile-store.ts";
import type { ProfileReference } from "./get-profile.ts";

/** Throws `avatar_not_found`, also where there is no such person. */
export async function getAvatar(
  { profiles }: Pick<UserDeps, "profiles">,
  { userId, tenantId }: ProfileReference,
): Promise<Avatar> {
  const avatar = await profiles.findAvatar(userId, tenantId);
  if (!avatar) throw new Failure(userFailures.avatar_not_found);
  return avatar;
}
