import { type ExportedPerson, exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";

type Rows = Promise<readonly object[]>;

/** The SQL of what is kept of one person: to show it in an export, never a secret, and to forget it. One method, one statement. */
export function createPersonStore() {
  return {
    listSessions: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select session_id, connection_id, subject, expires_at from federated_session
      where user_id = ${userId} order by session_id desc limit ${exportedRowsLimit}`,

    listConsents: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select client_id, client.name as client_name, consent.scopes, given_at from consent join client using (client_id)
      where user_id = ${userId} order by given_at desc limit ${exportedRowsLimit}`,

    listLogins: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select session_id, expires_at from provider_login
      where user_id = ${userId} order by expires_at desc limit ${exportedRowsLimit}`,

    listScimUsers: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select resource_id, connection_id, user_name, external_id, email, is_active, attributes, created_at, updated_at,
        array(select display_name from scim_group join scim_member on group_id = scim_group.resource_id
          where scim_member.user_id = scim_user.resource_id order by display_name) as groups
      from scim_user where user_id = ${userId} limit ${exportedRowsLimit}`,

    listGivenMemberships: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select connection_id, group_id, role from given_membership
      where user_id = ${userId} order by connection_id, group_id limit ${exportedRowsLimit}`,

    listLogoutNotices: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select client_id, sid, tries, due_at, expires_at from logout_notice
      where user_id = ${userId} order by due_at desc limit ${exportedRowsLimit}`,

    async deleteSessions(tx: Tx, userId: string): Promise<void> {
      await tx`delete from federated_session where user_id = ${userId}`;
    },

    async deleteConsents(tx: Tx, userId: string): Promise<void> {
      await tx`delete from consent where user_id = ${userId}`;
    },

    async deleteLogins(tx: Tx, userId: string): Promise<void> {
      await tx`delete from provider_login where user_id = ${userId}`;
    },

    /** Sessions of browsers, grants, codes and tokens of programs. */
    async deleteProviderItems(tx: Tx, userId: string): Promise<void> {
      await tx`
        delete from provider_item where user_id = ${userId}
          or uid_hash in (select uid_hash from provider_login where user_id = ${userId})`;
    },

    async deleteScimUsers(tx: Tx, userId: string): Promise<void> {
      await tx`delete from scim_user where user_id = ${userId}`;
    },

    async deleteGivenMemberships(tx: Tx, userId: string): Promise<void> {
      await tx`delete from given_membership where user_id = ${userId}`;
    },
  };
}

export type PersonStore = ReturnType<typeof createPersonStore>;
