import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { DBOSClient, DBOS as Dbos } from "@dbos-inc/dbos-sdk";
import type { Pool } from "pg";
import type { Logger } from "pino";
import type { ClusterService, EngineAdmin } from "../db/cluster.ts";
import type { Sql } from "../db/database.ts";
import { createPrimaryFinder } from "../db/find-primary.ts";
import { systemClock } from "../service/clock.ts";
import { createEnginePool, type EngineUrls } from "./engine-pool.ts";
import type { DbosMigration } from "./migrate-dbos.ts";

/** Where DBOS keeps runs and their steps, beside our own tables. */
const engineSchema = "workflow_engine";
/** A change means: migrate anew. The version of DBOS that is installed. */
const engineMark = "dbos:5.3.0";
/** Sessions in DBOS's pool; it listens on one more. */
const poolSize = 4;
const applicationName = "lyss";

/** Our own tables of runs and nodes. */
export const workflowMigrations = new URL("./migrations/", import.meta.url);

/** What the engine asks of the database: our tables with a role of their own, and DBOS's schema given to that role. */
export const workflowDatabase: ClusterService = {
  name: "workflow",
  migrations: workflowMigrations,
  engine: { connections: poolSize + 1, migrate: migrateDbos },
};

/** The same for a process that looks at runs and has none: DBOS's schema is left to those that do. */
export const workflowDeskDatabase: ClusterService = {
  name: workflowDatabase.name,
  migrations: workflowMigrations,
  engine: { connections: 1, migrate: async () => {} },
};

/** DBOS takes 20 MB and a tenth of a second to load: only processes that run workflows do. */
export async function loadDbos(): Promise<typeof Dbos> {
  const { DBOS } = await import("@dbos-inc/dbos-sdk");
  return DBOS;
}

/** DBOS's settings for this node. Nothing of them comes from its files and environment, or goes to its cloud. */
export function toDbosConfig(options: {
  readonly urls: EngineUrls;
  readonly pool: Pool;
  readonly nodeId: string;
  readonly queues: readonly string[];
  readonly log: Logger;
}): Parameters<typeof Dbos.setConfig>[0] {
  return {
    name: applicationName,
    ...toDatabaseConfig(options),
    runMigrations: false,
    // Not the program's: a newer program takes up what an older one left.
    applicationVersion: "lyss-1",
    executorID: options.nodeId,
    listenQueues: [...options.queues],
    logger: toDbosLogger(options.log),
  };
}

/** The sessions of this process's engine, for `toDbosConfig`. */
export function openDbosPool(urls: EngineUrls, log: Logger): Promise<Pool> {
  return createEnginePool({ urls, maxSessions: poolSize, log });
}

/** Looks into DBOS's records and sends messages, without running anything. Opens one session at most. */
export async function openDbosClient(options: {
  readonly urls: EngineUrls;
  readonly log: Logger;
}): Promise<DBOSClient> {
  const { DBOSClient: client } = await import("@dbos-inc/dbos-sdk");
  const pool = await createEnginePool({ ...options, maxSessions: 1 });
  const opened = await client.create({
    applicationName,
    ...toDatabaseConfig({ ...options, pool }),
    logger: toDbosLogger(options.log),
  });
  const destroy = opened.destroy.bind(opened);
  opened.destroy = async () => {
    await destroy();
    await pool.end();
  };
  return opened;
}

/** Whether runs have begun, on any node, that have not ended. `sql` is the workflow database's. */
export async function hasRunsUnderWay(sql: Sql): Promise<boolean> {
  const [schema] = await sql<{ mark: string | null }[]>`
    select obj_description(oid, 'pg_namespace') as mark from pg_namespace where nspname = ${engineSchema}`;
  // Without its mark the schema is being made.
  if (!schema?.mark) return false;
  const [run] = await sql`
    select 1 from ${sql(engineSchema)}.workflow_status where status in ('PENDING', 'ENQUEUED', 'DELAYED') limit 1`;
  return run !== undefined;
}

/** True for what DBOS throws in a process that has lost its run to another. */
export function saysRunIsLost(err: unknown): boolean {
  const name = err instanceof Error ? err.constructor.name : "";
  return name === "DBOSWorkflowConflictError" || name === "DBOSWorkflowCancelledError";
}

function toDatabaseConfig({ urls, pool }: { readonly urls: EngineUrls; readonly pool: Pool }) {
  return { systemDatabaseUrl: urls[0] ?? "", systemDatabasePool: pool, systemDatabaseSchemaName: engineSchema };
}

/**
 * Creates DBOS's schema or brings it up to date, and gives it to the role. DBOS asks for rights on the whole database
 * even where nothing is to be created, so it is migrated by the admin and run by the role. Once for each version.
 */
async function migrateDbos({ sql, urls, role }: EngineAdmin): Promise<void> {
  const [schema] = await sql<{ mark: string | null }[]>`
    select obj_description(oid, 'pg_namespace') as mark from pg_namespace where nspname = ${engineSchema}`;
  if (schema?.mark === engineMark) return;
  const migration: DbosMigration = {
    url: await createPrimaryFinder(urls, systemClock).find(),
    role,
    schema: engineSchema,
  };
  const thread = new Worker(new URL("./migrate-dbos.ts", import.meta.url), {
    workerData: migration,
    stdout: true,
    stderr: true,
  });
  await once(thread, "exit");
  await sql.unsafe(`comment on schema ${engineSchema} is '${engineMark}'`);
}

/** What DBOS has to say; what matters to us we say ourselves. */
function toDbosLogger(log: Logger) {
  const write = (level: "debug" | "warn", entry: unknown) =>
    entry instanceof Error ? log[level]({ err: entry }, "workflow engine") : log[level](`workflow engine: ${entry}`);
  return {
    info: (entry: unknown) => write("debug", entry),
    debug: (entry: unknown) => write("debug", entry),
    warn: (entry: unknown) => write("warn", entry),
    error: (entry: unknown) => write("warn", entry),
  };
}
