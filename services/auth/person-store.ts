import { type ExportedPerson, exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";

type Rows = Promise<readonly object[]>;

/** The SQL of what is kept of one person, as an export shows it: newest first, never a secret. One method, one statement. */
export function createPersonStore() {
  return {
    listSessions: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select session_id, methods, client_address, user_agent, created_at, factor_at, proven_at, last_seen_at, expires_at,
        ended_at, end_reason, operator_id, reason
      from session where tenant_id = ${tenantId} and user_id = ${userId}
      order by session_id desc limit ${exportedRowsLimit}`,

    /** What an operator did in others' names, and why: not in whose. */
    listImpersonations: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select session_id, reason, created_at, expires_at, ended_at
      from session where operator_id = ${userId} order by session_id desc limit ${exportedRowsLimit}`,

    /** Programs that the person made, or gave permissions. */
    listClients: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select client_id, name, description, prefix, jwks, jwks_uri, permissions, models, allowed_ips, created_at, created_by,
        updated_at, granted_by, expires_at, disabled_at, last_used_at
      from service_client where tenant_id = ${tenantId} and ${userId} in (created_by, granted_by)
      order by client_id desc limit ${exportedRowsLimit}`,

    listKeys: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select key_id, name, description, prefix, permissions, models, limits, created_at, created_by, updated_at, expires_at,
        last_used_at, revoked_at
      from key where tenant_id = ${tenantId} and user_id = ${userId} order by key_id desc limit ${exportedRowsLimit}`,

    listFactors: (tx: Tx, { userId }: ExportedPerson): Rows => tx`
      select factor_id, kind, name, created_at, last_used_at, transports, is_synced
      from factor where user_id = ${userId} and expires_at is null order by factor_id desc limit ${exportedRowsLimit}`,

    async findLimits(tx: Tx, { tenantId, userId }: ExportedPerson): Promise<object | null> {
      const [row] = await tx<object[]>`
        select requests_per_minute, max_concurrent_requests from subject_limit
        where tenant_id = ${tenantId} and subject = 'user' and subject_id = ${userId}`;
      return row ?? null;
    },

    async countRecoveryCodes(tx: Tx, { userId }: ExportedPerson): Promise<number> {
      const [row] = await tx<{ codes: number }[]>`
        select count(*)::int as codes from recovery_code where user_id = ${userId}`;
      return row?.codes ?? 0;
    },

    async findAccess(tx: Tx, { tenantId, userId }: ExportedPerson): Promise<object | null> {
      const [row] = await tx<object[]>`
        select role, is_barred from principal where tenant_id = ${tenantId} and user_id = ${userId}`;
      return row ?? null;
    },
  };
}

export type PersonStore = ReturnType<typeof createPersonStore>;
