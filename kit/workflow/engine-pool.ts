import type { Logger } from "pino";
import { createPrimaryFinder, type PrimaryFinder } from "../db/find-primary.ts";
import { systemClock } from "../service/clock.ts";

/** Where the engine's sessions log in: a URL for each host of the database, any of which may be the one that takes writes. */
export type EngineUrls = readonly string[];

type Pg = typeof import("pg").default;

const idleInTransactionTimeoutMs = 60_000;
const connectTimeoutMs = 10_000;

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
    Client: clientOf(pg, urls.length > 1 ? createPrimaryFinder(urls, systemClock) : undefined),
  });
  pool.on("error", (err) => log.warn({ err }, "workflow engine: an idle session has ended"));
  return pool;
}

function clientOf(pg: Pg, primary: PrimaryFinder | undefined) {
  return class extends pg.Client {
    constructor(...args: ConstructorParameters<typeof pg.Client>) {
      super(...args);
      // Of a server that dies as it says that a session is ready, the client hears both at once, before whoever wants the session
      // listens: an error that nobody hears would end the process. Whoever has the session sees that it is gone by its first query.
      this.on("error", () => {});
    }

    override connect(): Promise<this>;
    override connect(done: (err: Error | null) => void): void;
    override connect(done?: (err: Error | null) => void) {
      if (!primary) return done ? super.connect(done) : super.connect();
      const connecting = this.#connectTo(primary);
      if (!done) return connecting;
      connecting.then(
        () => done(null),
        (err) => done(err),
      );
    }

    async #connectTo(found: PrimaryFinder): Promise<this> {
      const { hostname, port } = new URL(await found.find());
      this.host = hostname.replace(/^\[|\]$/g, "");
      this.port = Number(port || 5432);
      await super.connect();
      return this;
    }
  };
}
