import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { Database, Tx } from "./database.ts";
import { postgres } from "./driver.ts";

/** PostgreSQL's code for a statement that ran into its limit. */
const queryCanceled = "57014";

/** Setting of each service that searches for words. */
export const searchTimeoutMs = z
  .int()
  .min(50)
  .max(1_000)
  .default(1_000)
  .describe("How long the database looks for words before a search is refused as too broad.");

/**
 * Runs a search for words that somebody else chose. No statement of it takes longer than `limitMs` (1 to 1,000): it is given
 * up in the database, and `kit.search_too_broad` is thrown. A repeat is safe.
 */
export async function searchWithin<T>(db: Database, limitMs: number, search: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await db.transaction(async (tx) => {
      await tx`select set_config('statement_timeout', ${String(limitMs)}, true)`;
      return await search(tx);
    });
  } catch (err) {
    if (err instanceof postgres.PostgresError && err.code === queryCanceled) {
      throw new Failure(kitFailures.search_too_broad, { limitMs }, { cause: err });
    }
    throw err;
  }
}
