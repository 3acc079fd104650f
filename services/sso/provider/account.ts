import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { GroupStatus } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Account, KoaContextWithOIDC } from "oidc-provider";
import type { SsoDeps } from "../deps.ts";
import { limits } from "../model.ts";
import { sha256 } from "../sealed.ts";
import { readLogin } from "./lyss-login.ts";

type AccountDeps = Pick<SsoDeps, "user" | "group" | "providerState">;

/**
 * The person as the client may know them: an active one of the client's tenant, or of any where the client has registered itself;
 * undefined for everybody else.
 */
export async function findAccount(
  deps: AccountDeps,
  ctx: KoaContextWithOIDC,
  userId: string,
  sessionUid: string | undefined,
): Promise<Account | undefined> {
  const ofClient = ctx.oidc.client?.["tenant"];
  if (typeof ofClient !== "string") return undefined;
  const tenantId = ofClient === "" ? await findTenant(deps, ctx, userId, sessionUid) : ofClient;
  if (tenantId === undefined) return undefined;
  const person = await deps.user.getUser({ userId, tenantId }).catch((err: unknown) => {
    if (isFailure(err, userFailures.not_found)) return undefined;
    throw err;
  });
  if (person?.status !== UserStatus.ACTIVE) return undefined;
  return {
    accountId: userId,
    async claims(_use, scope) {
      const { name, email, isEmailVerified } = person;
      const isAsked = scope.split(" ").includes("groups");
      const groups = isAsked ? { groups: await listGroupNames(deps, tenantId, userId) } : {};
      return { sub: userId, tenant: tenantId, name, email, email_verified: isEmailVerified, ...groups };
    },
  };
}

/** Whose person it is that signs in now, or did when the token's session began. */
async function findTenant(
  { providerState }: AccountDeps,
  { oidc }: KoaContextWithOIDC,
  userId: string,
  sessionUid: string | undefined,
): Promise<string | undefined> {
  const { result } = oidc;
  if (result?.login?.accountId === userId) return readLogin(result)?.tenantId;
  const uid = sessionUid ?? oidc.session?.uid;
  const login = uid === undefined ? undefined : await providerState.findLogin(sha256(uid));
  return login?.userId === userId ? login.tenantId : undefined;
}

/** Names of the groups that a person is in, at most 200. */
async function listGroupNames({ group }: Pick<SsoDeps, "group">, tenantId: string, userId: string): Promise<string[]> {
  const actor = { userId, permissions: [] };
  const limit = limits.groupsPerPerson;
  const { groups } = await group
    .listGroups({ tenantId, actor, limit, memberId: userId, status: GroupStatus.ACTIVE })
    .catch((err: unknown) => {
      // Group has not heard of the person yet.
      if (isFailure(err, groupFailures.not_found)) return { groups: [] };
      throw err;
    });
  return groups.map(({ name }) => name);
}
