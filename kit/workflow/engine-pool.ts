import type { Logger } from "pino";

/** Where the engine's sessions log in: a URL for each host of the database, any of which may be the one that takes writes. */
export type EngineUrls = readonly string[];

type Pg = typeof import("pg").default;

const idleInTransactionTimeoutMs = 60_000;
const connectTimeoutMs = 10_000;
/** Of looking whether a host takes writes. */
const probeTimeoutMs = 3_000;

/**
 * Sessions for DBOS, which knows one host only: each is opened at the host that takes writes by then. Opens none yet; the
 * owner ends the pool.
 */
export async function createEnginePool(options: {
  readonly urls: EngineUrls;
  readonly maxSessions: number;
  readonly log: Logger;
}) {
  const { default: pg } = await import("pg");
  const { urls, maxSessions, log } = options;
  const pool = new pg.Pool({
    connectionString: urls[0],
    connectionTimeoutMillis: connectTimeoutMs,
    max: maxSessions,
    application_name: "lyss:workflow-engine",
    options: `-c idle_in_transaction_session_timeout=${idleInTransactionTimeoutMs}`,
    ...(urls.length > 1 && { Client: primaryClientOf(pg, urls) }),
  });
  pool.on("error", (err) => log.warn({ err }, "workflow engine: an idle session has ended"));
  return pool;
}

/** The URL of the host that takes writes. Rejects with why the last one does not when none does. */
export async function findPrimary(urls: EngineUrls): Promise<string> {
  const [first = ""] = urls;
  if (urls.length <= 1) return first;
  const { default: pg } = await import("pg");
  let failure: unknown;
  for (const url of urls) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: probeTimeoutMs });
    // A session may end between its answer and its goodbye.
    client.on("error", () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ is_standby: boolean }>("select pg_is_in_recovery() as is_standby");
      if (rows[0]?.is_standby === false) return url;
      failure = new Error(`${client.host}:${client.port} takes no writes`);
    } catch (err) {
      failure = err;
    } finally {
      await client.end().catch(() => {});
    }
  }
  throw failure;
}

function primaryClientOf(pg: Pg, urls: EngineUrls) {
  return class extends pg.Client {
    override connect(): Promise<this>;
    override connect(done: (err: Error | null) => void): void;
    override connect(done?: (err: Error | null) => void) {
      const connecting = this.#connectToPrimary();
      if (!done) return connecting;
      connecting.then(
        () => done(null),
        (err) => done(err),
      );
    }

    async #connectToPrimary(): Promise<this> {
      const { hostname, port } = new URL(await findPrimary(urls));
      this.host = hostname.replace(/^\[|\]$/g, "");
      this.port = Number(port || 5432);
      await super.connect();
      return this;
    }
  };
}
