import type { Sql } from "./database.ts";
import { type AppliedMigration, type Migration, planMigrations } from "./migrations.ts";

/** A schema as the program wants it. */
export interface SchemaPlan {
  readonly schema: string;
  readonly role: string;
  readonly migrations: readonly Migration[];
}

/** Marks a schema as set up by `setUpStatements`; a change there needs a new number. */
const setUpMark = "lyss:1";
const lockTimeoutMs = 30_000;

/**
 * Brings every schema to the program's version. Afterwards the role of each may use the rows of its own schema and
 * create nothing; tables belong to the admin, so a migration may take rights away from the role. One transaction per
 * migration. Two round trips when nothing is to be done. Only one process may run it at a time.
 * Throws an Error as `planMigrations` does, or with the file's name when a migration fails.
 */
export async function migrateSchemas(admin: Sql, plans: readonly SchemaPlan[]): Promise<readonly string[]> {
  const names = plans.map(({ schema }) => schema);
  const ready = await admin<{ nspname: string }[]>`
    select nspname from pg_namespace
    where nspname = any(${names}) and obj_description(oid, 'pg_namespace') = ${setUpMark}`;
  const readyNames = new Set(ready.map((row) => row.nspname));
  const missing = plans.filter(({ schema }) => !readyNames.has(schema));
  if (missing.length > 0) {
    await inTransaction(admin, [lockDownDatabase, ...missing.flatMap(setUpStatements)].join("; "));
  }
  const applied = await listApplied(admin, names);
  const steps = plans.flatMap(({ schema, migrations }) =>
    planMigrations(schema, migrations, applied.get(schema) ?? []).map((migration) => ({ schema, migration })),
  );
  for (const { schema, migration } of steps) await applyMigration(admin, schema, migration);
  return steps.map(({ schema, migration }) => `${schema}.${fileNameOf(migration)}`);
}

const lockDownDatabase = `
  revoke all on schema public from public;
  do $$ begin execute format('revoke create, temporary on database %I from public', current_database()); end $$`;

function setUpStatements({ schema, role }: SchemaPlan): readonly string[] {
  return [
    `create schema if not exists "${schema}"`,
    `create table if not exists "${schema}".schema_migration (
       version int primary key, name text not null, checksum text not null,
       applied_at timestamptz not null default now())`,
    `grant usage on schema "${schema}" to ${role}`,
    `alter default privileges in schema "${schema}" grant select, insert, update, delete on tables to ${role}`,
    `alter default privileges in schema "${schema}" grant usage on sequences to ${role}`,
    `comment on schema "${schema}" is '${setUpMark}'`,
  ];
}

async function listApplied(admin: Sql, schemas: readonly string[]): Promise<Map<string, AppliedMigration[]>> {
  const rows = await admin.unsafe<(AppliedMigration & { schema: string })[]>(
    schemas
      .map((schema) => `select '${schema}' as schema, version, name, checksum from "${schema}".schema_migration`)
      .join(" union all "),
  );
  return Map.groupBy(rows, (row) => row.schema);
}

async function applyMigration(admin: Sql, schema: string, migration: Migration): Promise<void> {
  try {
    await admin.unsafe(`begin; set local search_path = "${schema}"; set local lock_timeout = ${lockTimeoutMs}`);
    await admin.unsafe(migration.sql);
    await admin.unsafe(
      `insert into "${schema}".schema_migration (version, name, checksum)
       values (${migration.version}, '${migration.name}', '${migration.checksum}'); commit`,
    );
  } catch (cause) {
    await admin.unsafe("rollback");
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`migration ${fileNameOf(migration)} of schema ${schema} failed: ${reason}`, { cause });
  }
}

async function inTransaction(admin: Sql, statements: string): Promise<void> {
  try {
    await admin.unsafe(`begin; ${statements}; commit`);
  } catch (err) {
    await admin.unsafe("rollback");
    throw err;
  }
}

function fileNameOf({ version, name }: Migration): string {
  return `${String(version).padStart(4, "0")}_${name}.sql`;
}
