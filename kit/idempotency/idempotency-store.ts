import type { Database, Tx } from "../db/database.ts";

/** An answer that was given, as the service's table `idempotency_key` keeps it. */
export interface StoredAnswer {
  readonly operation: string;
  readonly requestHash: Buffer;
  /** Sealed. */
  readonly answer: Buffer;
}

/** Takes the key for this transaction. False when another one has it. */
export async function claimKey(tx: Tx, scope: string, key: string): Promise<boolean> {
  const [row] = await tx<{ isClaimed: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended(${JSON.stringify(["idempotency", scope, key])}, 0)) as "isClaimed"`;
  return row?.isClaimed === true;
}

export async function findAnswer(tx: Tx, scope: string, key: string, now: Date): Promise<StoredAnswer | undefined> {
  const [row] = await tx<StoredAnswer[]>`
    select operation, request_hash as "requestHash", answer from idempotency_key
    where scope = ${scope} and key = ${key} and expires_at > ${now}`;
  return row;
}

/** Takes the place of one that has expired. */
export async function insertAnswer(
  tx: Tx,
  row: StoredAnswer & { readonly scope: string; readonly key: string; readonly expiresAt: Date },
): Promise<void> {
  const { scope, key, operation, requestHash, answer, expiresAt } = row;
  await tx`
    insert into idempotency_key (scope, key, operation, request_hash, answer, expires_at)
    values (${scope}, ${key}, ${operation}, ${requestHash}, ${answer}, ${expiresAt})
    on conflict (scope, key) do update set operation = excluded.operation, request_hash = excluded.request_hash,
      answer = excluded.answer, expires_at = excluded.expires_at`;
}

/** Deletes up to `limit` answers that have expired; gives back how many. */
export async function deleteExpired(db: Database, now: Date, limit: number): Promise<number> {
  const result = await db.transaction(
    (tx) => tx`
      delete from idempotency_key where ctid in (
        select ctid from idempotency_key where expires_at <= ${now} order by expires_at limit ${limit}
        for update skip locked)`,
  );
  return result.count;
}
