import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import { type EventBatch, insertFirstEvents } from "./event-batch-store.ts";

/** Whose responses are meant. */
export interface Owner {
  readonly tenantId: string;
  readonly ownerId: string;
}

/** Names one response of an owner. */
export interface ResponseName extends Owner {
  readonly responseId: string;
}

export type ResponseState = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

/** A kept response. */
export interface ResponseRow extends ResponseName {
  readonly status: ResponseState;
  readonly isBackground: boolean;
  readonly previousResponseId: string | undefined;
  /** Sealed, as is the input. */
  readonly response: Buffer;
  readonly input: Buffer;
}

export interface NewResponse extends ResponseRow {
  /** Of one that is under way. */
  readonly claimedUntil: Date | undefined;
  readonly expiresAt: Date;
}

/** How a response ended, or what it goes on as. */
export interface ResponseChange {
  readonly responseId: string;
  readonly status: ResponseState;
  readonly response: Buffer;
}

/** The SQL of responses that are kept. */
export function createResponseStore(db: Database) {
  const { sql } = db;
  const columns = sql`response_id as "responseId", tenant_id as "tenantId", owner_id as "ownerId", status,
    is_background as "isBackground", previous_response_id as "previousResponseId", response, input`;

  async function insert(tx: Tx, row: NewResponse, isStreamed: boolean): Promise<void> {
    const { responseId, tenantId, ownerId, status, isBackground, response, input, expiresAt } = row;
    const previous = row.previousResponseId ?? null;
    await tx`
      insert into response (response_id, tenant_id, owner_id, status, is_background, is_streamed, previous_response_id,
        response, input, claimed_until, expires_at)
      values (${responseId}, ${tenantId}, ${ownerId}, ${status}, ${isBackground}, ${isStreamed}, ${previous},
        ${response}, ${input}, ${row.claimedUntil ?? null}, ${expiresAt})
      on conflict (response_id) do nothing`;
  }

  return {
    insert: (row: NewResponse): Promise<void> => db.transaction((tx) => insert(tx, row, false)),

    /** One that is under way, with its first events where it is streamed. False when its tenant has `maxRunning` in the background already. */
    async begin(row: NewResponse, maxRunning: number, events: EventBatch | undefined): Promise<boolean> {
      const { tenantId } = row;
      return db.transaction(async (tx) => {
        await tx`select pg_advisory_xact_lock(hashtextextended(${JSON.stringify(["response", tenantId])}, 0))`;
        const [counted] = await tx<{ running: number }[]>`
          select count(*)::int as running from response
          where tenant_id = ${tenantId} and is_background and status in ('queued', 'in_progress')`;
        if ((counted?.running ?? 0) >= maxRunning) return false;
        await insert(tx, row, events !== undefined);
        if (events) await insertFirstEvents(tx, events);
        return true;
      });
    },

    async markInProgress(responseId: string): Promise<void> {
      await db.transaction(
        (tx) => tx`update response set status = 'in_progress' where response_id = ${responseId} and status = 'queued'`,
      );
    },

    /** True when the response was under way and has ended so; one that has ended stays as it is. */
    async end({ responseId, status, response }: ResponseChange): Promise<boolean> {
      const result = await db.transaction(
        (tx) => tx`
          update response set status = ${status}, response = ${response}, claimed_until = null
          where response_id = ${responseId} and status in ('queued', 'in_progress')`,
      );
      return result.count > 0;
    },

    async cancel({ tenantId, ownerId, responseId }: ResponseName): Promise<void> {
      await db.transaction(
        (tx) => tx`
          update response set status = 'cancelled', claimed_until = null
          where response_id = ${responseId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and is_background
            and status in ('queued', 'in_progress')`,
      );
    },

    async find({ tenantId, ownerId, responseId }: ResponseName, now: Date): Promise<ResponseRow | undefined> {
      const [row] = await sql<ResponseRow[]>`
        select ${columns} from response
        where response_id = ${responseId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and expires_at > ${now}`;
      return row;
    },

    /**
     * The response and those that it goes on from, the oldest first: at most `maxRows`, and none beyond the one with which
     * they are together larger than `maxBytes`.
     */
    listChain(name: ResponseName, now: Date, { maxRows, maxBytes }: { maxRows: number; maxBytes: number }) {
      const { tenantId, ownerId, responseId } = name;
      return sql<ResponseRow[]>`
        with recursive chain as (
          select response.*, 1 as depth, length(response) + length(input) as bytes from response
          where response_id = ${responseId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and expires_at > ${now}
          union all
          select before.*, chain.depth + 1, chain.bytes + length(before.response) + length(before.input)
          from chain join response before on before.response_id = chain.previous_response_id
          where before.tenant_id = ${tenantId} and before.owner_id = ${ownerId} and before.expires_at > ${now}
            and chain.depth < ${maxRows} and chain.bytes <= ${maxBytes}
        )
        select ${columns} from chain order by depth desc`;
    },

    /** What an owner has, the newest first: at most `maxRows`, and none beyond the one with which they are together larger than `maxBytes`. */
    listOf(tx: Tx, ownerId: string, { maxRows, maxBytes }: { maxRows: number; maxBytes: number }) {
      return tx<(ResponseRow & { readonly expiresAt: Date })[]>`
        select ${columns}, expires_at as "expiresAt" from (
          select *, sum(length(response) + length(input)) over (order by response_id desc) as bytes
          from response where owner_id = ${ownerId}) as owned
        where bytes <= ${maxBytes} order by response_id desc limit ${maxRows}`;
    },

    async deleteOf(tx: Tx, ownerId: string): Promise<void> {
      await tx`delete from response where owner_id = ${ownerId}`;
    },

    /** True when there was one. */
    async remove({ tenantId, ownerId, responseId }: ResponseName, now: Date): Promise<boolean> {
      const result = await db.transaction(
        (tx) => tx`
          delete from response
          where response_id = ${responseId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and expires_at > ${now}`,
      );
      return result.count > 0;
    },

    /** Says that the node which serves these lives; gives back those that are still under way. */
    async extend(responseIds: readonly string[], claimedUntil: Date): Promise<ReadonlySet<string>> {
      const rows = await db.transaction(
        (tx) => tx<{ responseId: string }[]>`
          update response set claimed_until = ${claimedUntil}
          where response_id = any(${responseIds}) and status in ('queued', 'in_progress')
          returning response_id as "responseId"`,
      );
      return new Set(rows.map(({ responseId }) => responseId));
    },

    /** Those of nodes that are dead. */
    async failLost(now: Date): Promise<number> {
      const result = await db.transaction(
        (tx) => tx`
          update response set status = 'failed', claimed_until = null
          where status in ('queued', 'in_progress') and claimed_until <= ${now}`,
      );
      return result.count;
    },

    /** Deletes up to `limit` that have expired; gives back how many. */
    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "response", { now, limit }),
  };
}

export type ResponseStore = ReturnType<typeof createResponseStore>;
