import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { User } from "./model.ts";
import { personColumns } from "./store.ts";

/** The connection's name for somebody. */
export interface FederatedIdentity {
  readonly connectionId: string;
  readonly subject: string;
  readonly userId: string;
}

/** Whether the people of some domains sign on from elsewhere. */
export interface SignOnRule {
  readonly connectionId: string;
  readonly tenantId: string;
  readonly domains: readonly string[];
  readonly isEnforced: boolean;
  readonly version: number;
}

/** The SQL of people who sign on from elsewhere. One method, one statement. */
export function createFederationStore(sql: Sql) {
  return {
    /** Lets one transaction at a time decide whom a name means. Released with the transaction. */
    async lockSubject(tx: Tx, connectionId: string, subject: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext(${`federated/${connectionId}`}), hashtext(${subject}))`;
    },

    async findBySubject(tx: Tx, connectionId: string, subject: string): Promise<User | undefined> {
      const [row] = await tx<User[]>`
        select ${personColumns(tx)} from person where user_id = (
          select user_id from federated_identity where connection_id = ${connectionId} and subject = ${subject})`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockByEmail(tx: Tx, email: string): Promise<User | undefined> {
      const [row] = await tx<User[]>`select ${personColumns(tx)} from person where email = ${email} for update`;
      return row;
    },

    async hasIdentity(tx: Tx, connectionId: string, userId: string): Promise<boolean> {
      const rows = await tx`
        select from federated_identity where connection_id = ${connectionId} and user_id = ${userId} limit 1`;
      return rows.length > 0;
    },

    async insertIdentity(tx: Tx, { connectionId, subject, userId }: FederatedIdentity, linkedAt: Date): Promise<void> {
      await tx`
        insert into federated_identity (connection_id, subject, user_id, linked_at)
        values (${connectionId}, ${subject}, ${userId}, ${linkedAt})`;
    },

    /** The role that a connection gave somebody; undefined for none. */
    async findGivenRole(db: Sql | Tx, connectionId: string, userId: string): Promise<string | undefined> {
      const [row] = await db<{ role: string }[]>`
        select role from federated_role where connection_id = ${connectionId} and user_id = ${userId}`;
      return row?.role;
    },

    async upsertGivenRole(tx: Tx, connectionId: string, userId: string, role: string): Promise<void> {
      await tx`
        insert into federated_role (connection_id, user_id, role) values (${connectionId}, ${userId}, ${role})
        on conflict (connection_id, user_id) do update set role = excluded.role`;
    },

    async deleteGivenRole(tx: Tx, connectionId: string, userId: string): Promise<void> {
      await tx`delete from federated_role where connection_id = ${connectionId} and user_id = ${userId}`;
    },

    /** Nothing changes where a later version is known. */
    async upsertRule(tx: Tx, rule: SignOnRule): Promise<void> {
      await tx`
        insert into sign_on_rule (connection_id, tenant_id, domains, is_enforced, version)
        values (${rule.connectionId}, ${rule.tenantId}, ${[...rule.domains]}, ${rule.isEnforced}, ${rule.version})
        on conflict (connection_id) do update set domains = excluded.domains, is_enforced = excluded.is_enforced,
          version = excluded.version
        where sign_on_rule.version < excluded.version`;
    },

    async isEnforced(tenantId: string, domain: string): Promise<boolean> {
      const rows = await sql`
        select from sign_on_rule where tenant_id = ${tenantId} and is_enforced and ${domain} = any(domains) limit 1`;
      return rows.length > 0;
    },
  };
}

export type FederationStore = ReturnType<typeof createFederationStore>;
