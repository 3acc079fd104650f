import type { Database, Tx } from "../../db/database.ts";

/** What a cut waits for, beside SQL: the commit is about to be sent, or is done and nobody was told. */
export type CutPoint = "commit" | "committed";

/** A database as a program has it whose connection is lost at a chosen place. */
export interface CutDatabase {
  readonly db: Database;
  wasCut(): boolean;
  /** Resolves when it is cut. */
  readonly cut: Promise<void>;
}

/**
 * Asks `isCut` before each statement of each transaction, and cuts the connection when it says so, once: that statement finds
 * nobody to answer it, what came before it in its transaction is rolled back, and the transaction rejects. `isCut` is given
 * the statements of the transaction so far, the one about to be sent last; see `CutPoint` for what is no statement. With `isFinal`
 * the program is dead from then on: whatever else it asks of the database rejects, too.
 */
export function cutDatabase(
  database: Database,
  isCut: (statements: readonly string[]) => boolean,
  { isFinal = false }: { readonly isFinal?: boolean } = {},
): CutDatabase {
  const { promise, resolve } = Promise.withResolvers<void>();
  let wasCut = false;
  const refuseDead = () => {
    if (isFinal && wasCut) throw new Error("this program is dead");
  };
  const isNow = (statements: readonly string[]) => {
    if (wasCut || !isCut(statements)) return false;
    wasCut = true;
    resolve();
    return true;
  };

  async function transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    refuseDead();
    const statements: string[] = [];
    const answer = await database.transaction(async (tx) => {
      const cutBefore = (statement: string) => {
        statements.push(statement);
        // Goes out before the statement that follows.
        if (isNow(statements)) tx`select pg_terminate_backend(pg_backend_pid())`.catch(() => undefined);
      };
      const watched = new Proxy(tx, {
        apply(target, self, args) {
          const [text] = args as readonly unknown[];
          // A name or a list in another statement is no statement.
          if (Array.isArray(text) && "raw" in text) cutBefore(text.join("?").trim());
          return Reflect.apply(target as never, self, args);
        },
      }) as Tx;
      const result = await work(watched);
      cutBefore("commit" satisfies CutPoint);
      return result;
    });
    if (isNow([...statements, "committed" satisfies CutPoint])) throw new Error("the answer to the commit was lost");
    return answer;
  }

  return {
    wasCut: () => wasCut,
    cut: promise,
    db: {
      transaction,
      ping: (timeoutMs) => database.ping(timeoutMs),
      get sql() {
        refuseDead();
        return database.sql;
      },
    },
  };
}
