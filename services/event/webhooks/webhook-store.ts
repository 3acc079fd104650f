import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Webhook, WebhookName, WebhookSpec } from "./webhook.ts";

/** A webhook with what only its sender needs. */
export interface SealedWebhook extends Webhook {
  readonly sealedSecret: Buffer;
  readonly sealedPrevious: Buffer | null;
}

const columns = (db: Sql | Tx) => db`
  tenant_id as "tenantId", name, spec, version, state, reason, failing_since as "failingSince",
  last_delivered_at as "lastDeliveredAt", previous_until as "previousUntil", created_at as "createdAt",
  updated_at as "updatedAt", sealed_secret as "sealedSecret", sealed_previous as "sealedPrevious"`;

/** The SQL of webhooks. One method, one statement. */
export function createWebhookStore(db: Database) {
  const { sql } = db;
  return {
    list: (tenantId: string, after: string, limit: number) => sql<Webhook[]>`
      select ${columns(sql)} from webhook where tenant_id = ${tenantId} and name > ${after} order by name limit ${limit}`,

    async find({ tenantId, name }: WebhookName): Promise<SealedWebhook | undefined> {
      const [found] = await sql<SealedWebhook[]>`
        select ${columns(sql)} from webhook where tenant_id = ${tenantId} and name = ${name}`;
      return found;
    },

    /** All of a tenant's. Until the end of the transaction nobody else changes what any of them is. */
    async lockAll(tx: Tx, tenantId: string): Promise<SealedWebhook[]> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`event.webhook ${tenantId}`}, 0))`;
      return tx<SealedWebhook[]>`select ${columns(tx)} from webhook where tenant_id = ${tenantId} for update`;
    },

    /** One that was disabled works again. */
    put: (tx: Tx, given: WebhookName & { spec: WebhookSpec; sealedSecret: Buffer; version: number; now: Date }) => tx`
      insert into webhook (tenant_id, name, spec, sealed_secret, version, state, turn_at, created_at, updated_at)
      values (${given.tenantId}, ${given.name}, ${JSON.stringify(given.spec)}::text::jsonb, ${given.sealedSecret},
        ${given.version}, 'active', ${given.now}, ${given.now}, ${given.now})
      on conflict (tenant_id, name) do update set spec = excluded.spec, version = excluded.version,
        updated_at = excluded.updated_at, failing_since = null, reason = null,
        state = case when webhook.state = 'paused' then 'paused' else 'active' end`,

    remove: (tx: Tx, { tenantId, name }: WebhookName) => tx`
      delete from webhook where tenant_id = ${tenantId} and name = ${name}`,

    setState: (tx: Tx, { tenantId, name }: WebhookName, state: "active" | "paused", now: Date) => tx`
      update webhook set state = ${state}, reason = null, failing_since = null, updated_at = ${now}
      where tenant_id = ${tenantId} and name = ${name}`,

    rotate: (
      tx: Tx,
      { tenantId, name }: WebhookName,
      given: { readonly sealedSecret: Buffer; readonly previousUntil: Date; readonly now: Date },
    ) => tx`
      update webhook set sealed_previous = sealed_secret, previous_until = ${given.previousUntil},
        sealed_secret = ${given.sealedSecret}, version = version + 1, updated_at = ${given.now}
      where tenant_id = ${tenantId} and name = ${name}`,

    /** Those for which something is due, and that nobody is at work on: they are this node's until then. */
    claimDue: (given: { readonly by: string; readonly now: Date; readonly until: Date; readonly limit: number }) =>
      db.transaction(
        (tx) => tx<SealedWebhook[]>`
          update webhook set leased_by = ${given.by}, leased_until = ${given.until}, turn_at = ${given.now}
          where (tenant_id, name) in (
            select tenant_id, name from webhook as it
            where state = 'active' and (leased_until is null or leased_until <= ${given.now})
              and exists (select from webhook_delivery as waiting
                where waiting.tenant_id = it.tenant_id and waiting.name = it.name and waiting.state = 'waiting'
                  and waiting.next_try_at <= ${given.now})
            order by turn_at limit ${given.limit} for update skip locked)
          returning ${columns(tx)}`,
      ),

    release: ({ tenantId, name }: WebhookName, by: string) =>
      db.transaction(
        (tx) => tx`
          update webhook set leased_by = null, leased_until = null
          where tenant_id = ${tenantId} and name = ${name} and leased_by = ${by}`,
      ),

    noteDelivered: (tx: Tx, { tenantId, name }: WebhookName, now: Date) => tx`
      update webhook set failing_since = null, last_delivered_at = ${now} where tenant_id = ${tenantId} and name = ${name}`,

    /** Since when nothing was taken, this try included. */
    async noteFailed(tx: Tx, { tenantId, name }: WebhookName, now: Date): Promise<Date | undefined> {
      const [row] = await tx<{ since: Date }[]>`
        update webhook set failing_since = coalesce(failing_since, ${now})
        where tenant_id = ${tenantId} and name = ${name} returning failing_since as since`;
      return row?.since;
    },

    /** True where it was active by then. */
    async disable(tx: Tx, { tenantId, name }: WebhookName, reason: string, now: Date): Promise<boolean> {
      const { count } = await tx`
        update webhook set state = 'disabled', reason = ${reason}, updated_at = ${now}
        where tenant_id = ${tenantId} and name = ${name} and state = 'active'`;
      return count > 0;
    },
  };
}

export type WebhookStore = ReturnType<typeof createWebhookStore>;
