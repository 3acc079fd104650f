import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Route, RouteVersion } from "./route.ts";

/** The SQL of tenants' own routes. One method, one statement. */
export function createRouteStore(sql: Sql) {
  return {
    /** Every tenant's, for the catalog. */
    listRoutes(): Promise<Route[]> {
      return sql<Route[]>`
        select tenant_id as "tenantId", name, strategy, hedge, continues, embedding, mirror, targets, version,
          updated_at as "updatedAt", 'tenant' as source
        from route order by tenant_id, name`;
    },

    /** The names and versions of a tenant's routes. Until the end of the transaction nobody else changes any of them. */
    async lockRoutes(tx: Tx, tenantId: string): Promise<Pick<Route, "name" | "version">[]> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.route ${tenantId}`}, 0))`;
      return tx<Pick<Route, "name" | "version">[]>`select name, version from route where tenant_id = ${tenantId}`;
    },

    async putRoute(tx: Tx, route: Route): Promise<void> {
      const { tenantId, name, strategy, hedge, continues, embedding, mirror, targets, version, updatedAt } = route;
      await tx`
        insert into route (tenant_id, name, strategy, hedge, continues, embedding, mirror, targets, version, updated_at)
        values (${tenantId}, ${name}, ${strategy}, ${hedge}, ${continues}, ${embedding},
          ${mirror && JSON.stringify(mirror)}::text::jsonb, ${JSON.stringify(targets)}::text::jsonb, ${version}, ${updatedAt})
        on conflict (tenant_id, name) do update set strategy = excluded.strategy, hedge = excluded.hedge,
          continues = excluded.continues, embedding = excluded.embedding, mirror = excluded.mirror, targets = excluded.targets,
          version = excluded.version, updated_at = excluded.updated_at`;
    },

    /** Keeps what a route is now beside what it was, the newest `most` of it. */
    async putVersion(tx: Tx, route: Route, most: number): Promise<void> {
      const { tenantId, name, source: _source, version, updatedAt, ...spec } = route;
      await tx`
        insert into route_version (tenant_id, name, version, spec, updated_at)
        values (${tenantId}, ${name}, ${version}, ${JSON.stringify(spec)}::text::jsonb, ${updatedAt})`;
      await tx`
        delete from route_version where tenant_id = ${tenantId} and name = ${name} and version <= ${version - most}`;
    },

    /** The newest first, from before a version on. */
    listVersions(
      { tenantId, name }: Pick<Route, "tenantId" | "name">,
      { before, limit }: { readonly before: number; readonly limit: number },
    ): Promise<RouteVersion[]> {
      return sql<RouteVersion[]>`
        select version, '{"embedding": null}'::jsonb || spec as spec, updated_at as "updatedAt" from route_version
        where tenant_id = ${tenantId} and name = ${name} and version < ${before} order by version desc limit ${limit}`;
    },

    async deleteRoute(tx: Tx, tenantId: string, name: string): Promise<void> {
      await tx`delete from route where tenant_id = ${tenantId} and name = ${name}`;
    },
  };
}

export type RouteStore = ReturnType<typeof createRouteStore>;
