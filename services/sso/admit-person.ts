import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "./deps.ts";
import { applyGroupRules } from "./group-rules.ts";
import { type Assertion, type Connection, domainOf, isPlainEmail } from "./model.ts";
import { applyRoleRules } from "./role-rules.ts";

/** Whoever may come in. */
export interface AdmittedPerson {
  readonly userId: string;
  readonly tenantId: string;
  readonly role: string;
}

/**
 * The active person whom the provider's word means, by the connection's rules; what it says of groups, and the role that follows, holds from now on.
 * Throws `person_refused`, the same for everybody who may not come in.
 */
export async function admitPerson(
  deps: Pick<SsoDeps, "user" | "group" | "tenant" | "signIns" | "scimGroups" | "db" | "clock">,
  connection: Connection,
  assertion: Assertion,
  clientAddress: string,
): Promise<AdmittedPerson> {
  const { connectionId, tenantId, rules } = connection;
  const email = assertion.email !== undefined && isPlainEmail(assertion.email) ? assertion.email : undefined;
  const domain = email === undefined ? undefined : domainOf(email);
  if (rules.allowedDomains.length > 0 && (domain === undefined || !rules.allowedDomains.includes(domain))) {
    throw new Failure(ssoFailures.person_refused);
  }
  const { user } = await deps.user
    .ensureFederatedUser({
      ...{ tenantId, connectionId, subject: assertion.subject, email: email ?? "", clientAddress },
      ...{ isEmailVerified: assertion.isEmailVerified, mayCreate: rules.mayCreate, role: rules.defaultRole ?? "" },
      isDomainTrusted: domain !== undefined && (await isTenantsDomain(deps, tenantId, domain)),
      provisionedBy: scimNameOf(connectionId),
      name: (assertion.name ?? "").trim().slice(0, 100),
    })
    .catch((cause: unknown) => {
      throw isFailure(cause, userFailures.federation_refused)
        ? new Failure(ssoFailures.person_refused, {}, { cause })
        : cause;
    });
  if (user?.status !== UserStatus.ACTIVE) throw new Failure(ssoFailures.person_refused);
  const { userId } = user;
  // Of whom SCIM tells groups, it alone does: two that say different things would take from each other in turn.
  const groups = (await deps.scimGroups.findGroupNames(connectionId, userId)) ?? assertion.groups;
  await applyGroupRules(deps, connection, userId, groups);
  const role = await applyRoleRules(deps, connection, { userId, groups, clientAddress });
  return { userId, tenantId, role };
}

/** Under which name a connection has people made by SCIM: its subjects are not those of sign-in. */
export function scimNameOf(connectionId: string): string {
  return `${connectionId}/scim`;
}

/** Whether the tenant has shown that the domain is its own. */
async function isTenantsDomain(
  { tenant }: Pick<SsoDeps, "tenant">,
  tenantId: string,
  domain: string,
): Promise<boolean> {
  const { domain: found } = await tenant.findDomain({ domain });
  return found?.tenantId === tenantId;
}
