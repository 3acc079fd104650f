import type { SsoDeps } from "./deps.ts";
import type { Connection, RoleRule } from "./model.ts";

/** The role that the rules make of what a provider says of groups: that of the first one that fits; undefined when none does. */
export function roleOf(rules: readonly RoleRule[], groups: readonly string[]): string | undefined {
  const values = new Set(groups);
  return rules.find(({ value }) => values.has(value))?.role;
}

/**
 * Gives the person the role that follows from `groups`, or the default in the place of the one that this connection gave before; what
 * somebody else gave stays when nothing follows. Resolves to the role that the person has then. Throws `user.not_found`. A repeat is safe.
 */
export async function applyRoleRules(
  { user }: Pick<SsoDeps, "user">,
  { connectionId, tenantId, rules }: Pick<Connection, "connectionId" | "tenantId" | "rules">,
  { userId, groups, clientAddress }: { userId: string; groups: readonly string[]; clientAddress: string },
): Promise<string> {
  const answer = await user.followFederatedRole({
    ...{ tenantId, userId, connectionId, clientAddress },
    ...{ role: roleOf(rules.roleMapping, groups) ?? "", defaultRole: rules.defaultRole ?? "" },
  });
  return answer.user?.role ?? "";
}
