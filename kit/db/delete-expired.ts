import type { Database } from "./database.ts";

/**
 * Deletes rows of a table whose `expires_at` has come, the oldest first, at most `limit` of them; gives how many. Rows that
 * somebody else has locked are left for the next time, so that several nodes may do it at once.
 */
export async function deleteExpired(
  db: Pick<Database, "transaction">,
  table: string,
  { now, limit }: { readonly now: Date; readonly limit: number },
): Promise<number> {
  const { count } = await db.transaction(
    (tx) => tx`
      delete from ${tx(table)} where ctid in (
        select ctid from ${tx(table)} where expires_at <= ${now} order by expires_at limit ${limit}
        for update skip locked)`,
  );
  return count;
}
