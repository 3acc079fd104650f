import { exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { ExportPart, PersonExport } from "./export-model.ts";

/** A picture as it is kept. */
export interface AvatarRow {
  readonly content_type: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: Buffer;
}

type Rows = Promise<readonly object[]>;

/** The SQL of exports, and of what user itself keeps of a person. One method, one statement. */
export function createExportStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    export_id as "exportId", user_id as "userId", tenant_id as "tenantId", requested_by as "requestedBy",
    sealed_key as "sealedKey", public_key as "publicKey", requested_at as "requestedAt", completed_at as "completedAt",
    expires_at as "expiresAt"`;

  return {
    /** That of a person which has not expired. */
    async findExport(tx: Tx, userId: string, now: Date): Promise<PersonExport | undefined> {
      const [row] = await tx<PersonExport[]>`
        select ${columns(tx)} from person_export where user_id = ${userId} and expires_at > ${now}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockExport(tx: Tx, exportId: string): Promise<PersonExport | undefined> {
      const [row] = await tx<PersonExport[]>`
        select ${columns(tx)} from person_export where export_id = ${exportId} for update`;
      return row;
    },

    async insertExport(tx: Tx, row: PersonExport): Promise<void> {
      await tx`
        insert into person_export (export_id, user_id, tenant_id, requested_by, sealed_key, public_key, requested_at, expires_at)
        values (${row.exportId}, ${row.userId}, ${row.tenantId}, ${row.requestedBy}, ${row.sealedKey}, ${row.publicKey},
          ${row.requestedAt}, ${row.expiresAt})`;
    },

    async completeExport(tx: Tx, exportId: string, completedAt: Date): Promise<void> {
      await tx`update person_export set completed_at = ${completedAt} where export_id = ${exportId}`;
    },

    async deleteExportOf(tx: Tx, userId: string): Promise<void> {
      await tx`delete from person_export where user_id = ${userId}`;
    },

    /** A repeat changes nothing. */
    async insertPart(tx: Tx, exportId: string, part: ExportPart): Promise<void> {
      await tx`
        insert into person_export_part (export_id, service, number, is_last, content, received_at)
        values (${exportId}, ${part.service}, ${part.number}, ${part.isLast}, ${part.content}, ${part.receivedAt})
        on conflict (export_id, service, number) do nothing`;
    },

    /** Services that have answered, and when. */
    listAnswered(tx: Tx, exportId: string): Promise<Pick<ExportPart, "service" | "receivedAt">[]> {
      return tx<Pick<ExportPart, "service" | "receivedAt">[]>`
        select service, received_at as "receivedAt" from person_export_part where export_id = ${exportId} and is_last`;
    },

    /** What a service answered, in order. */
    listParts(exportId: string, service: string): Promise<Pick<ExportPart, "content">[]> {
      return sql<Pick<ExportPart, "content">[]>`
        select content from person_export_part where export_id = ${exportId} and service = ${service} order by number`;
    },

    async findProfile(tx: Tx, userId: string): Promise<{ readonly email: string } | undefined> {
      const [row] = await tx<{ email: string }[]>`
        select user_id, tenant_id, email, email_verified_at, name, role, status, locale, time_zone, theme, mails_budget_alerts,
          password_hash is not null as has_password, version::float8, created_at, updated_at
        from person where user_id = ${userId}`;
      return row;
    },

    async findAvatar(tx: Tx, userId: string): Promise<AvatarRow | undefined> {
      const [row] = await tx<AvatarRow[]>`
        select content_type, width, height, bytes from avatar where user_id = ${userId}`;
      return row;
    },

    listIdentities: (tx: Tx, userId: string): Rows => tx`
      select connection_id, subject, linked_at from federated_identity
      where user_id = ${userId} order by linked_at desc limit ${exportedRowsLimit}`,

    listFederatedRoles: (tx: Tx, userId: string): Rows => tx`
      select connection_id, role from federated_role
      where user_id = ${userId} order by connection_id limit ${exportedRowsLimit}`,

    listRegistrations: (tx: Tx, userId: string): Rows => tx`
      select registration_id, kind, email, organization, role, name, locale, invited_by, created_at, expires_at, completed_at
      from registration where user_id = ${userId} or invited_by = ${userId}
        or email = (select email from person where user_id = ${userId})
      order by registration_id desc limit ${exportedRowsLimit}`,

    /** Links that were sent and are still good. */
    listTokens: (tx: Tx, userId: string): Rows => tx`
      select purpose, email, expires_at from account_token
      where user_id = ${userId} order by expires_at desc limit ${exportedRowsLimit}`,
  };
}

export type ExportStore = ReturnType<typeof createExportStore>;
