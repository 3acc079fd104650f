import type { Database } from "@lyss/kit/db/database.ts";
import type { InvoiceStore } from "./invoice-store.ts";
import type { Party } from "./statement.ts";

export interface ProfileDeps {
  readonly db: Database;
  readonly invoices: InvoiceStore;
}

/** Of whom nothing is known. */
export const nobody: Party = { name: "", address: [], tax_id: "", email: "" };

/** Who a tenant's invoices are made out to; empty until the tenant says so. */
export async function getBillingProfile(
  { invoices }: ProfileDeps,
  { tenantId }: { readonly tenantId: string },
): Promise<Party> {
  return (await invoices.findProfile(tenantId)) ?? nobody;
}

/** Replaces who a tenant's invoices are made out to. Invoices that are issued stay as they are. A repeat is safe. */
export async function putBillingProfile(
  { db, invoices }: ProfileDeps,
  { tenantId, profile }: { readonly tenantId: string; readonly profile: Party },
): Promise<Party> {
  await db.transaction((tx) => invoices.putProfile(tx, tenantId, profile));
  return profile;
}
