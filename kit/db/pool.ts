import type { Socket } from "node:net";
import type { Logger } from "pino";
import { type Clock, delay } from "../service/clock.ts";
import type { Database, Sql, Tx } from "./database.ts";
import { postgres } from "./driver.ts";
import { createPrimaryFinder, openPrimarySocket } from "./find-primary.ts";
import { splitHosts, withLogin } from "./split-hosts.ts";

export interface PoolOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Login that replaces the one in `url`. */
  readonly login?: { readonly role: string; readonly password: string };
  readonly schema?: string;
  /** Of one statement, and of a transaction that waits for its client. 0 is unlimited. Default 10,000. */
  readonly timeoutMs?: number;
  /** How long an unused connection is kept. Default 20. */
  readonly idleSeconds?: number;
}

/** A pool of at most `maxConnections` sessions, opened when they are needed. */
export interface Pool extends Database {
  /** Waits up to 5 s for running queries, then cuts the sessions. Safe to repeat. */
  close(): Promise<void>;
}

const connectTimeoutSeconds = 5;
const keepAliveSeconds = 15;
const closeTimeoutSeconds = 5;
/** The driver's own goes up to 20 s, which would be added to every outage. */
const maxReconnectDelaySeconds = 1;

/** Opens no connection yet, so it does not fail. */
export function createPool(options: PoolOptions): Pool {
  const sql = connect(options);
  const { clock } = options;
  return {
    sql,
    transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
      return sql.begin(work) as Promise<T>;
    },
    async ping(timeoutMs) {
      const answered = new AbortController();
      const timeout = delay(clock, timeoutMs, answered.signal).then(
        () => Promise.reject(new Error(`the database did not answer within ${timeoutMs} ms`)),
        () => {},
      );
      await Promise.race([sql`select 1`, timeout]).finally(() => answered.abort());
    },
    close: () => sql.end({ timeout: closeTimeoutSeconds }),
  };
}

function connect(options: PoolOptions): Sql {
  const { log, timeoutMs = 10_000 } = options;
  const { url, socket } = toPrimary(options);
  return postgres(url, {
    ...(socket && { socket }),
    ...(options.login ? { username: options.login.role, password: options.login.password } : {}),
    max: options.maxConnections,
    idle_timeout: options.idleSeconds ?? 20,
    connect_timeout: connectTimeoutSeconds,
    keep_alive: keepAliveSeconds,
    backoff: (attempt) => Math.min(2 ** attempt / 100, maxReconnectDelaySeconds),
    types: { bigint: postgres.BigInt },
    onnotice: ({ severity, code, message }) => log.debug({ severity, code }, message),
    connection: {
      application_name: options.applicationName,
      TimeZone: "UTC",
      default_transaction_isolation: "read committed",
      ...(options.schema === undefined ? {} : { search_path: options.schema }),
      // The driver leaves out a 0, which is the server's default anyway.
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: timeoutMs,
    },
  });
}

/**
 * Where the URL names several hosts and wants the one that takes writes, the driver is given one, and ways to whichever it is: by itself
 * it would also take a primary of the past, and ask for ever where none takes writes.
 */
function toPrimary({ url, login, clock }: PoolOptions): {
  readonly url: string;
  readonly socket?: () => Promise<Socket>;
} {
  const hosts = splitHosts(url);
  const [first = url] = hosts;
  if (hosts.length < 2 || !/[?&]target_session_attrs=(read-write|primary)\b/.test(url)) return { url };
  const finder = createPrimaryFinder(
    hosts.map((host) => (login ? withLogin(host, login) : host)),
    clock,
  );
  return { url: first, socket: () => openPrimarySocket(finder) };
}
