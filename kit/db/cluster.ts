import type { Logger } from "pino";
import { type Clock, delay } from "../service/clock.ts";
import { shareConnections } from "./connection-budget.ts";
import type { Database, Sql } from "./database.ts";
import { readMigrations } from "./migrations.ts";
import { createPool, type Pool } from "./pool.ts";
import { deriveServiceRole, ensureRoles, type ServiceRole } from "./roles.ts";
import { migrateSchemas } from "./schemas.ts";
import { splitHosts, withLogin } from "./split-hosts.ts";

/** What a service asks of the database. */
export interface ClusterService {
  /** Dashes become underscores: the schema is `<name>`, its role `lyss_<name>`. At most 50 characters. */
  readonly name: string;
  /** Folder of numbered `.sql` files. A service without it has no schema and cannot be opened. */
  readonly migrations?: URL | undefined;
  /** Share of the connection budget relative to the others. Default 1. */
  readonly connectionWeight?: number | undefined;
  /** An engine that keeps a schema of its own beside the service's, and opens its own sessions as the service's role. */
  readonly engine?: ClusterEngine | undefined;
}

export interface ClusterEngine {
  /** Sessions that the engine opens at most. */
  readonly connections: number;
  /** Brings the engine's schema up to date as the admin, and gives it to the role. Run by one node at a time. */
  migrate(admin: EngineAdmin): Promise<void>;
}

export interface EngineAdmin {
  /** On the session that prepares the engine. */
  readonly sql: Sql;
  /** One for each host that the cluster's own URL names. */
  readonly urls: readonly string[];
  /** Of the service that has the engine. */
  readonly role: string;
}

/** One PostgreSQL database, embedded or not, divided among the services of this process. */
export interface Cluster {
  /**
   * Creates or updates roles, schemas and tables of the services and of the event log. Safe to repeat on every start
   * and to race with other nodes. Called once, before `open`.
   * Throws an Error when a migration was changed, is missing or fails, when the database is newer than the program or
   * made with another root key, or when `maxConnections` does not suffice.
   */
  prepare(services: readonly ClusterService[]): Promise<void>;
  /** The database of a prepared service; the same one each time. Throws a TypeError for any other name. */
  open(serviceName: string): Database;
  /**
   * Brings the schema of a prepared service's engine up to date, which `prepare` leaves undone: it takes long, and few
   * programs come to use one. Safe to repeat and to race with other nodes. Throws as `open` does, and what the engine throws.
   */
  prepareEngine(serviceName: string): Promise<void>;
  /**
   * The URLs by which the engine of a prepared service logs in, one for each host of the database. They hold a password.
   * Throws as `open` does.
   */
  engineUrls(serviceName: string): readonly string[];
  /** Ends every session, running queries after 5 s. Safe to repeat. */
  close(): Promise<void>;
}

export interface ClusterOptions {
  /** A role that may create roles and schemas; superuser is not needed. */
  readonly adminUrl: string;
  /** 32 bytes for one purpose, derived from the installation's root key. */
  readonly deriveKey: (purpose: string) => Buffer;
  /** Sessions that this process opens at most, over all pools. */
  readonly maxConnections: number;
  readonly log: Logger;
  readonly clock: Clock;
  /** Of a statement, and of a transaction that waits for its client. Default 10,000. */
  readonly timeoutMs?: number;
  /** Of the event log's own pool, beside the one that listens. Default 1; 2 where a relay holds one while it publishes. */
  readonly eventLogConnections?: number;
}

/** Name under which the event log's own database is opened, for `openEventFeed`. */
export const eventLogName = "event_log";
const eventLog: ClusterService = {
  name: eventLogName,
  migrations: new URL("../events/migrations/", import.meta.url),
};
/** One session to prepare with, and one to LISTEN on. */
const reservedConnections = 2;
const namePattern = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/;
const nameLengthLimit = 50;
const reservedNames = ["public", "information-schema", "service"];
/** Key of the advisory lock under which one node at a time prepares a database ("prep" in ASCII). */
const prepareLock = 0x70_72_65_70;

interface PreparedService {
  readonly schema: string;
  readonly login: ServiceRole;
  readonly share: number;
  readonly engine: ClusterEngine | undefined;
}

/** Opens no connection yet. */
export function openCluster(options: ClusterOptions): Cluster {
  const { log, clock, eventLogConnections = 1 } = options;
  const pools = new Map<string, Pool>();
  let prepared = new Map<string, PreparedService>();

  const find = (serviceName: string) => {
    const service = prepared.get(serviceName);
    if (!service) throw new TypeError(`the database of service ${serviceName} was not prepared`);
    return service;
  };

  return {
    async prepare(services) {
      if (prepared.size > 0) throw new TypeError("a cluster is prepared once");
      const own = services.filter((service) => service.migrations !== undefined);
      const engineConnections = own.reduce((sum, { engine }) => sum + (engine?.connections ?? 0), 0);
      const shares = shareConnections(
        options.maxConnections - reservedConnections - eventLogConnections - engineConnections,
        own,
      );
      const entries = [eventLog, ...own].map(({ name, migrations, engine }) => {
        const schema = toSchema(name);
        const login = deriveServiceRole(schema, options.deriveKey);
        return { name, schema, login, migrations, engine, share: shares.get(name) ?? eventLogConnections };
      });
      const plans = await Promise.all(
        entries.map(async ({ schema, login, migrations }) => ({
          schema,
          role: login.role,
          migrations: migrations ? await readMigrations(migrations) : [],
        })),
      );
      const startMs = clock.monotonicMs();
      const applied = await withAdmin(options, async (admin) => {
        await ensureRoles(
          admin.sql,
          entries.map(({ login }) => login),
        );
        return migrateSchemas(admin.sql, plans);
      });
      prepared = new Map(entries.map((entry) => [entry.name, entry]));
      const durationMs = Math.round(clock.monotonicMs() - startMs);
      log.info({ services: own.length, applied, durationMs }, "database is prepared");
    },

    open(serviceName) {
      const service = find(serviceName);
      const pool =
        pools.get(serviceName) ??
        createPool({
          url: options.adminUrl,
          login: service.login,
          schema: service.schema,
          applicationName: `lyss:${serviceName}`,
          maxConnections: service.share,
          timeoutMs: options.timeoutMs ?? 10_000,
          clock,
          log,
        });
      pools.set(serviceName, pool);
      return pool;
    },

    async prepareEngine(serviceName) {
      const { engine, login } = find(serviceName);
      const urls = splitHosts(options.adminUrl);
      await withAdmin(options, async ({ sql }) => engine?.migrate({ sql, urls, role: login.role }));
    },

    engineUrls(serviceName) {
      const { login } = find(serviceName);
      return splitHosts(options.adminUrl).map((host) => withLogin(host, login));
    },

    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}

function toSchema(name: string): string {
  if (!namePattern.test(name) || name.length > nameLengthLimit || reservedNames.includes(name)) {
    throw new TypeError(`${name} cannot be the name of a service with a database`);
  }
  return name.replaceAll("-", "_");
}

async function isTaken({ sql }: Pool): Promise<boolean> {
  const [row] = await sql`select pg_try_advisory_lock(${prepareLock}) as is_taken`;
  return row?.["is_taken"] === true;
}

/** How often a node that waits for its turn to prepare looks again. */
const retryMs = 50;

/** Runs `work` on one session that holds the lock for preparing this database. */
async function withAdmin<T>(options: ClusterOptions, work: (admin: Pool) => Promise<T>): Promise<T> {
  const admin = createPool({
    url: options.adminUrl,
    applicationName: "lyss:prepare",
    maxConnections: 1,
    // Another node may be at a long migration, and so may we.
    timeoutMs: 0,
    idleSeconds: 0,
    clock: options.clock,
    log: options.log,
  });
  try {
    // Asked again and again rather than waited for: whoever holds it may build an index concurrently, which waits for every
    // statement under way.
    while (!(await isTaken(admin))) await delay(options.clock, retryMs);
    return await work(admin);
  } finally {
    await admin.close();
  }
}
