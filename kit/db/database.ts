import type postgres from "postgres";

/** int8 columns arrive and leave as bigint: money never passes through a double. */
export type SqlTypes = { bigint: bigint };

/** Tagged SQL on a pool. For reads; a write takes a `Tx`. */
export type Sql = postgres.Sql<SqlTypes>;

/** Tagged SQL inside one transaction. The first argument of every store method that writes. */
export type Tx = postgres.TransactionSql<SqlTypes>;

/** One service's database: its own schema, role and share of the connection budget. */
export interface Database {
  readonly sql: Sql;
  /**
   * Runs `work` in one transaction (READ COMMITTED) and commits when it resolves, rolls back when it rejects.
   * Not retried: a caller that may repeat does so itself.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when a round trip succeeds; rejects within `timeoutMs` otherwise. */
  ping(timeoutMs: number): Promise<void>;
}
