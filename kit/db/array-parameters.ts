import type postgres from "postgres";
import type { Sql, SqlTypes, Tx } from "./database.ts";

/**
 * Makes arrays of bigint, boolean, Date and bytes work as parameters: `unnest(${ids}::bigint[])`. postgres.js takes the
 * type of the first element for the type of the whole parameter, and the server then refuses the cast.
 */
export function withArrayParameters(sql: Sql): Sql {
  return wrap(sql);
}

/** The same for the handle of a transaction and of its savepoints. */
export function withArrayParametersInTx(tx: Tx): Tx {
  const wrapped = wrap(tx);
  const savepoint = tx.savepoint as (...args: unknown[]) => unknown;
  wrapped.savepoint = ((...args: unknown[]) => {
    const work = args.pop() as (nested: Tx) => unknown;
    return savepoint(...args, (nested: Tx) => work(withArrayParametersInTx(nested)));
  }) as Tx["savepoint"];
  return wrapped;
}

type Tag = (first: TemplateStringsArray, ...parameters: unknown[]) => unknown;

function wrap<T extends postgres.ISql<SqlTypes>>(sql: T): T {
  const tag = sql as unknown as Tag;
  // Without `raw` it is a helper such as sql(rows) or sql("column"), whose arguments are not parameters.
  const wrapped: Tag = (first, ...rest) =>
    Object.hasOwn(first, "raw") ? tag(first, ...rest.map((value) => withType(sql, value))) : tag(first, ...rest);
  return Object.assign(wrapped, sql) as unknown as T;
}

function withType(sql: postgres.ISql<SqlTypes>, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const type = findArrayType(value[0]);
  return type === undefined ? value : sql.typed(value as never, type);
}

/** Object ids from PostgreSQL's pg_type.dat. Other elements leave the type to the server, which knows it. */
function findArrayType(element: unknown): number | undefined {
  if (typeof element === "bigint") return 1016;
  if (typeof element === "boolean") return 1000;
  if (element instanceof Date) return 1185;
  if (element instanceof Uint8Array) return 1001;
  return undefined;
}
