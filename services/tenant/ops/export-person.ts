import { type ExportedPerson, exportedRowsLimit, type PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { TenantDeps } from "../deps.ts";

/** What a person has set in their organisation: domains, and what is kept of calls. */
export async function exportPerson(
  { store, domains }: Pick<TenantDeps, "store" | "domains">,
  tx: Tx,
  { tenantId, userId }: ExportedPerson,
): Promise<PersonSections> {
  return {
    added_domains: await domains.listAddedBy(tx, { tenantId, userId }, exportedRowsLimit),
    data_policies: await store.listPoliciesBy(tx, { tenantId, userId }, exportedRowsLimit),
  };
}
