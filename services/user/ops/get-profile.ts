import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";
import type { Profile } from "../profile.ts";

export interface ProfileReference {
  readonly userId: string;
  /** A person of another tenant is not found. */
  readonly tenantId: string;
}

/** Throws `not_found`. */
export async function getProfile(
  { profiles }: Pick<UserDeps, "profiles">,
  { userId, tenantId }: ProfileReference,
): Promise<Profile> {
  const profile = await profiles.findProfile(userId, tenantId);
  if (!profile) throw new Failure(userFailures.not_found);
  return profile;
}
