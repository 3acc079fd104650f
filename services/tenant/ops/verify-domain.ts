import { tenantDomainVerified } from "@lyss/contracts/events/tenant.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireReach } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toDomainEvent } from "../messages.ts";
import { proofOf, type TenantDomain } from "../model.ts";
import type { DomainInput } from "./add-domain.ts";

/**
 * Looks in DNS whether the domain is the tenant's. Throws `domain_not_found`, `domain_unproven` with the record that is missing,
 * and `domain_taken` where another tenant has shown it before. A verified one stays so: a repeat is safe.
 */
export async function verifyDomain(deps: TenantDeps, input: DomainInput): Promise<TenantDomain> {
  const { db, domains, outbox, clock, readTxtRecords } = deps;
  const { tenantId, domain } = input;
  requireReach(input);
  const known = await domains.findDomain(db.sql, tenantId, domain);
  if (!known) throw new Failure(tenantFailures.domain_not_found);
  if (known.verifiedAt) return known;
  const proof = proofOf(known);
  // Before the transaction: it waits for servers that are not ours.
  const records = await readTxtRecords(proof.name);
  if (!records.includes(proof.value)) throw new Failure(tenantFailures.domain_unproven, proof);
  return db.transaction(async (tx) => {
    await domains.lockDomain(tx, domain);
    const present = await domains.findDomain(tx, tenantId, domain);
    if (present?.token !== known.token) throw new Failure(tenantFailures.domain_not_found);
    if (present.verifiedAt) return present;
    const verifiedAt = new Date(clock.nowMs());
    if (!(await domains.verifyDomain(tx, tenantId, domain, verifiedAt))) throw new Failure(tenantFailures.domain_taken);
    await outbox.append(tx, tenantDomainVerified, toDomainEvent(input, verifiedAt));
    return { ...present, verifiedAt };
  });
}
