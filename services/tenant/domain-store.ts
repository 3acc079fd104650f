import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { TenantDomain } from "./model.ts";

/** The SQL of tenants' domains. One method, one statement. */
export function createDomainStore() {
  const columns = (db: Sql | Tx) => db`
    tenant_id as "tenantId", domain, token, added_by as "addedBy", added_at as "addedAt", verified_at as "verifiedAt"`;

  return {
    async insertDomain(tx: Tx, row: TenantDomain): Promise<void> {
      await tx`
        insert into tenant_domain (tenant_id, domain, token, added_by, added_at)
        values (${row.tenantId}, ${row.domain}, ${row.token}, ${row.addedBy}, ${row.addedAt})`;
    },

    async findDomain(db: Sql | Tx, tenantId: string, domain: string): Promise<TenantDomain | undefined> {
      const [row] = await db<TenantDomain[]>`
        select ${columns(db)} from tenant_domain where tenant_id = ${tenantId} and domain = ${domain}`;
      return row;
    },

    async findVerified(db: Sql | Tx, domain: string): Promise<TenantDomain | undefined> {
      const [row] = await db<TenantDomain[]>`
        select ${columns(db)} from tenant_domain where domain = ${domain} and verified_at is not null`;
      return row;
    },

    /** In the order of their names. */
    listDomains(db: Sql | Tx, tenantId: string): Promise<TenantDomain[]> {
      return db<TenantDomain[]>`
        select ${columns(db)} from tenant_domain where tenant_id = ${tenantId} order by domain limit 1000`;
    },

    /** Those that a person added, newest first. */
    listAddedBy: (
      tx: Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
      limit: number,
    ): Promise<readonly object[]> => tx`
      select domain, added_at, verified_at from tenant_domain
      where tenant_id = ${tenantId} and added_by = ${userId} order by added_at desc, domain limit ${limit}`,

    /** False when another tenant has verified it; nothing is written then. */
    async verifyDomain(tx: Tx, tenantId: string, domain: string, verifiedAt: Date): Promise<boolean> {
      const { count } = await tx`
        update tenant_domain set verified_at = ${verifiedAt}
        where tenant_id = ${tenantId} and domain = ${domain} and not exists (
          select from tenant_domain as other where other.domain = ${domain} and other.verified_at is not null)`;
      return count === 1;
    },

    /** Lets one transaction at a time decide whose a domain is. Released with the transaction. */
    async lockDomain(tx: Tx, domain: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('tenant_domain'), hashtext(${domain}))`;
    },

    async deleteDomain(tx: Tx, tenantId: string, domain: string): Promise<boolean> {
      const { count } = await tx`delete from tenant_domain where tenant_id = ${tenantId} and domain = ${domain}`;
      return count === 1;
    },
  };
}

export type DomainStore = ReturnType<typeof createDomainStore>;
