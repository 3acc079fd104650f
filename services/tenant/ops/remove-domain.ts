import { tenantDomainRemoved } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireReach } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toDomainEvent } from "../messages.ts";
import type { DomainInput } from "./add-domain.ts";

/** The domain is the tenant's no more, verified or not. Throws `domain_not_found`, also in a repeat. */
export async function removeDomain(deps: TenantDeps, input: DomainInput): Promise<void> {
  const { db, domains, outbox, clock } = deps;
  const { tenantId, domain } = input;
  requireReach(input);
  await db.transaction(async (tx) => {
    if (!(await domains.deleteDomain(tx, tenantId, domain))) throw new Failure(tenantFailures.domain_not_found);
    await outbox.append(tx, tenantDomainRemoved, toDomainEvent(input, new Date(clock.nowMs())));
  });
}
