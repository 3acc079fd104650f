import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Page } from "@lyss/kit/http/page.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";
import { type ListUsersInput, listUsers } from "./list-users.ts";

/** Held by those who reach every tenant. */
const manageTenantsPermission = "platform:tenants";

export interface ListTenantMembersInput extends ListUsersInput {
  readonly tenantId: string;
  readonly asker: { readonly tenantId: string; readonly permissions: readonly string[] };
}

/**
 * The people of a tenant, as `listUsers` gives them. Throws `tenant.not_found` for another tenant than the asker's own, unless
 * the asker operates the installation, and for one that there is not.
 */
export async function listTenantMembers(
  deps: Pick<UserDeps, "db" | "people" | "searchTimeoutMs" | "tenants">,
  { asker, ...wanted }: ListTenantMembersInput,
): Promise<Page<User>> {
  const { tenantId } = wanted;
  if (tenantId !== asker.tenantId) {
    if (!permits(asker.permissions, manageTenantsPermission)) throw new Failure(tenantFailures.not_found);
    await deps.tenants.getTenant({ tenantId });
  }
  return listUsers(deps, wanted);
}
