import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { type Connection, domainOf, limits } from "../model.ts";

/** By the tenant's name in addresses, or by a person's address. */
export type DiscoverInput = { readonly slug: string } | { readonly email: string };

/**
 * The connections that are open to a tenant's people, or to the people of a domain that a tenant has shown to be its own.
 * Empty for whatever is unknown: nothing tells whether there is such a tenant or person.
 */
export async function discoverConnections(
  { connections, tenant }: Pick<SsoDeps, "connections" | "tenant">,
  input: DiscoverInput,
): Promise<readonly Connection[]> {
  const limit = limits.connectionsPerTenant;
  if ("slug" in input) {
    const tenantId = await tenant.getTenantBySlug({ slug: input.slug }).then(
      (found) => found.tenant?.tenantId,
      (err: unknown) => {
        if (isFailure(err, tenantFailures.not_found)) return undefined;
        throw err;
      },
    );
    return tenantId === undefined ? [] : connections.listEnabled(tenantId, undefined, limit);
  }
  const domain = domainOf(input.email);
  const { domain: found } = await tenant.findDomain({ domain });
  return found ? connections.listEnabled(found.tenantId, domain, limit) : [];
}
