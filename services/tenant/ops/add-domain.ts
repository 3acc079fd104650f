import { tenantDomainAdded } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { lockTenant, type TenantReference } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toDomainEvent } from "../messages.ts";
import { maxDomains, type TenantDomain } from "../model.ts";

export interface DomainInput extends TenantReference {
  /** As `tenantFields.domain` gives it. */
  readonly domain: string;
}

/**
 * Notes that a tenant says a domain is its own, and gives what has to stand in DNS to show that. Several tenants may say so; one
 * can show it. Throws `not_found` and `too_many_domains`. A repeat gives the same.
 */
export async function addDomain(deps: TenantDeps, input: DomainInput): Promise<TenantDomain> {
  const { db, domains, outbox, clock, random } = deps;
  const { tenantId, domain, actor } = input;
  return db.transaction(async (tx) => {
    await lockTenant(deps, tx, input);
    const known = await domains.listDomains(tx, tenantId);
    const same = known.find((each) => each.domain === domain);
    if (same) return same;
    if (known.length >= maxDomains) throw new Failure(tenantFailures.too_many_domains, { limit: maxDomains });
    const addedAt = new Date(clock.nowMs());
    const token = random.bytes(20).toString("hex");
    const added: TenantDomain = { tenantId, domain, token, addedBy: actor.userId, addedAt, verifiedAt: null };
    await domains.insertDomain(tx, added);
    await outbox.append(tx, tenantDomainAdded, toDomainEvent(input, addedAt));
    return added;
  });
}
