import type { WalkedPlatform } from "./walked-platform.ts";

type Sql = WalkedPlatform["sql"];

/** Tables of the services, each with a digest of its shape: what no request may change. */
export async function readTables(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ place: string; columns: string }[]>`
    select table_schema || '.' || table_name as place, string_agg(column_name || ' ' || data_type, ',' order by ordinal_position) as columns
    from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
      and table_name !~ '_[0-9]{4}_?[0-9]{2}' and table_name !~ '_p[0-9]+$'
    group by 1 order by 1`;
  return rows.map(({ place, columns }) => `${place} (${columns})`);
}

const strangersTenant = "tnt_00000000000000000000000000";

/**
 * Gives another tenant a copy of whatever rows the first one has, as far as the tables allow it: what nobody of the first tenant may
 * reach. Gives the number of tables that hold some.
 */
export async function plantStranger(sql: Sql): Promise<number> {
  const tables = await listTenantTables(sql);
  let planted = 0;
  for (const { place, keys } of tables) {
    const fresh = keys.map((key) => `'${key}', to_jsonb(${key}::text || 'x')`).join(", ");
    const changed = `to_jsonb(t) || jsonb_build_object('tenant_id', '${strangersTenant}'${fresh === "" ? "" : `, ${fresh}`})`;
    // What references other rows, or is unique without its tenant, stays out.
    const copy = `insert into ${place} select (jsonb_populate_record(null::${place}, ${changed})).* from ${place} t limit 1`;
    planted += await sql.unsafe(copy).then(
      ({ count }) => Math.min(1, count),
      () => 0,
    );
  }
  return planted;
}

/** A digest of everything that the stranger has. */
export async function digestStranger(sql: Sql): Promise<Readonly<Record<string, string>>> {
  const digests: Record<string, string> = {};
  for (const { place } of await listTenantTables(sql)) {
    const [row] = await sql.unsafe(
      `select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) as digest from ${place} t where tenant_id = '${strangersTenant}'`,
    );
    digests[place] = String(row?.["digest"]);
  }
  return digests;
}

/** Base tables with a tenant, and their key's columns of text. */
async function listTenantTables(sql: Sql) {
  const rows = await sql<{ schema: string; name: string; keys: string[] | null }[]>`
    select c.table_schema as schema, c.table_name as name, (
      select array_agg(k.column_name::text) from information_schema.table_constraints tc
        join information_schema.key_column_usage k using (constraint_schema, constraint_name, table_schema, table_name)
        join information_schema.columns kc using (table_schema, table_name, column_name)
      where tc.constraint_type = 'PRIMARY KEY' and tc.table_schema = c.table_schema and tc.table_name = c.table_name
        and kc.data_type in ('text', 'character varying') and k.column_name <> 'tenant_id') as keys
    from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
    where c.column_name = 'tenant_id' and t.table_type = 'BASE TABLE' and c.data_type = 'text'
    order by 1, 2`;
  return rows.map(({ schema, name, keys }) => ({ place: `"${schema}"."${name}"`, keys: keys ?? [] }));
}

/** Rows of each table of a service. */
export async function countRows(sql: Sql): Promise<Readonly<Record<string, number>>> {
  const tables = await sql<{ place: string }[]>`
    select format('%I.%I', table_schema, table_name) as place from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
  const counts: Record<string, number> = {};
  for (const { place } of tables) {
    const [row] = await sql.unsafe(`select count(*)::int as rows from ${place}`);
    counts[place] = Number(row?.["rows"]);
  }
  return counts;
}
