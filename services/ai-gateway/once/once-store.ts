import type { Database } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";

/** Names the call of a tenant's key. */
export interface OnceName {
  readonly tenantId: string;
  readonly key: string;
}

export interface OnceClaim extends OnceName {
  readonly requestHash: Buffer;
  readonly callId: string;
  readonly now: Date;
  readonly claimedUntil: Date;
  readonly expiresAt: Date;
}

/** A call that came with a key, as it stands. */
export interface OnceRow {
  readonly requestHash: Buffer;
  readonly callId: string;
  readonly state: "open" | "kept" | "too_large";
  readonly contentType: string;
  /** Sealed; empty unless kept. */
  readonly answer: Buffer;
}

export interface KeptAnswer extends OnceName {
  readonly callId: string;
  readonly state: "kept" | "too_large";
  readonly contentType: string;
  readonly answer: Buffer;
}

/** The SQL of calls with an idempotency key. */
export function createOnceStore(db: Database) {
  return {
    /**
     * True when the key is this call's now: it was free, has expired, or its node died over the same request. One statement,
     * so that of calls at once exactly one has it.
     */
    async claim(claim: OnceClaim): Promise<boolean> {
      const { tenantId, key, requestHash, callId, now, claimedUntil, expiresAt } = claim;
      const rows = await db.transaction(
        (tx) => tx`
          insert into answer_once as known (tenant_id, key, request_hash, call_id, claimed_until, expires_at)
          values (${tenantId}, ${key}, ${requestHash}, ${callId}, ${claimedUntil}, ${expiresAt})
          on conflict (tenant_id, key) do update set request_hash = excluded.request_hash, call_id = excluded.call_id,
            claimed_until = excluded.claimed_until, state = 'open', content_type = '', answer = '',
            expires_at = excluded.expires_at
          where known.expires_at <= ${now}
            or (known.state = 'open' and known.claimed_until <= ${now} and known.request_hash = excluded.request_hash)
          returning call_id`,
      );
      return rows.length > 0;
    },

    async find({ tenantId, key }: OnceName): Promise<OnceRow | undefined> {
      const [row] = await db.sql<OnceRow[]>`
        select request_hash as "requestHash", call_id as "callId", state, content_type as "contentType", answer
        from answer_once where tenant_id = ${tenantId} and key = ${key}`;
      return row;
    },

    async keep({ tenantId, key, callId, state, contentType, answer }: KeptAnswer): Promise<void> {
      await db.transaction(
        (tx) => tx`
          update answer_once set state = ${state}, content_type = ${contentType}, answer = ${answer}
          where tenant_id = ${tenantId} and key = ${key} and call_id = ${callId} and state = 'open'`,
      );
    },

    /** Frees the key of a call that ended without an answer. */
    async release({ tenantId, key, callId }: OnceName & { readonly callId: string }): Promise<void> {
      await db.transaction(
        (tx) => tx`
          delete from answer_once
          where tenant_id = ${tenantId} and key = ${key} and call_id = ${callId} and state = 'open'`,
      );
    },

    async extend(callIds: readonly string[], claimedUntil: Date): Promise<void> {
      await db.transaction(
        (tx) => tx`
          update answer_once set claimed_until = ${claimedUntil}
          where call_id = any(${callIds}) and state = 'open'`,
      );
    },

    /** Deletes up to `limit` that have expired; gives back how many. */
    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "answer_once", { now, limit }),
  };
}

export type OnceStore = ReturnType<typeof createOnceStore>;
