import type { Database, Sql } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { ComparedSide, Comparison, MirroredCall } from "./mirror.ts";

export interface ComparedRoute {
  readonly tenantId: string;
  readonly route: string;
  readonly since: Date;
}

/** The SQL of mirrored calls. One method, one statement. */
export function createMirrorStore(db: Database) {
  const { sql } = db;
  const summed = (on: Sql, side: "first" | "mirror") => {
    const it = on(side);
    return on`jsonb_build_object(
      'completed', count(*) filter (where ${it}->>'outcome' = 'completed'),
      'p50Ms', percentile_cont(0.5) within group (order by (${it}->>'latencyMs')::float8)
        filter (where ${it}->>'outcome' = 'completed'),
      'p95Ms', percentile_cont(0.95) within group (order by (${it}->>'latencyMs')::float8)
        filter (where ${it}->>'outcome' = 'completed'),
      'inputTokens', sum((${it}->>'inputTokens')::float8), 'outputTokens', sum((${it}->>'outputTokens')::float8),
      'costNanos', coalesce(sum((${it}->>'costNanos')::numeric), 0)::text,
      'unpriced', count(*) filter (where ${it}->>'costNanos' is null))`;
  };
  return {
    /** One that is there already stays as it is. */
    async add(calls: readonly MirroredCall[], expiresAt: Date): Promise<void> {
      await sql`
        insert into mirrored_call (mirror_call_id, call_id, tenant_id, route, first, mirror, created_at, expires_at)
        select "mirrorCallId", "callId", "tenantId", route, first, mirror, "createdAt", ${expiresAt}
        from jsonb_to_recordset(${JSON.stringify(calls)}::text::jsonb) as given ("mirrorCallId" text, "callId" text,
          "tenantId" text, route text, first jsonb, mirror jsonb, "createdAt" timestamptz)
        on conflict (mirror_call_id) do nothing`;
    },

    /** By who was asked, those with the most calls first; at most 100. */
    async compare({ tenantId, route, since }: ComparedRoute): Promise<readonly Comparison[]> {
      type SideRow = Omit<ComparedSide, "costNanos"> & { readonly costNanos: string };
      type Row = Omit<Comparison, "first" | "mirror"> & { readonly first: SideRow; readonly mirror: SideRow };
      const rows = await sql<Row[]>`
        select first->>'provider' as provider, first->>'model' as model, mirror->>'provider' as "mirrorProvider",
          mirror->>'model' as "mirrorModel", count(*)::int as calls, ${summed(sql, "first")} as first,
          ${summed(sql, "mirror")} as mirror
        from mirrored_call where tenant_id = ${tenantId} and route = ${route} and created_at > ${since}
        group by 1, 2, 3, 4 order by count(*) desc, 1, 2, 3, 4 limit 100`;
      const toSide = (row: SideRow): ComparedSide => ({ ...row, costNanos: BigInt(row.costNanos) });
      return rows.map(({ first, mirror, ...row }) => ({ ...row, first: toSide(first), mirror: toSide(mirror) }));
    },

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "mirrored_call", { now, limit }),
  };
}

export type MirrorStore = ReturnType<typeof createMirrorStore>;
