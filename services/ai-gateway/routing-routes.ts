import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { cacheFailures } from "@lyss/contracts/failures/ai-gateway-cache.ts";
import { mirrorFailures } from "@lyss/contracts/failures/ai-gateway-mirrors.ts";
import { rolloutFailures } from "@lyss/contracts/failures/ai-gateway-rollouts.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AiGatewayOps } from "./ops.ts";
import type { DryRun } from "./routing/dry-run-route.ts";
import { type Route, routeSchema, routeStrategies, routeTargetBody } from "./routing/route.ts";
import { targetReport, toTargetReport } from "./routing/target-report.ts";

const { json } = routesFor<AiGatewayOps>();

const routePath = "/api/v1/ai/routes/{name}";
const routeParams = z.strictObject({
  name: z.string().min(1).max(200).describe("Slashes and colons stand as they are: `openai/gpt-4o:free`."),
});
const examples = [
  {
    strategy: "weighted",
    targets: [
      { provider: "openai", model: "gpt-4o-mini", weight: 9 },
      { provider: "azure", model: "gpt-4o-mini", weight: 1 },
    ],
  },
];

const routeInput = routeSchema.omit({ name: true }).meta({ examples });

const routeBody = z.strictObject({
  object: z.literal("route"),
  name: z.string(),
  strategy: z.enum(routeStrategies),
  hedge: routeSchema.shape.hedge,
  continues: z.boolean(),
  embedding: routeSchema.shape.embedding,
  mirror: routeSchema.shape.mirror,
  targets: z.array(z.strictObject({ ...routeTargetBody.shape, health: targetReport.nullable() })),
  source: z.enum(["config", "tenant"]),
  version: z.int().describe("1, and one more for each change; the ETag."),
  updated_at: z.iso.datetime(),
});

const versionBody = z.strictObject({
  object: z.literal("route_version"),
  version: z.int(),
  ...routeSchema.omit({ name: true }).shape,
  targets: z.array(routeTargetBody),
  updated_at: z.iso.datetime(),
});

const nanos = z.string().describe("Nano-units of the currency.");

const dryRunBody = z.strictObject({
  object: z.literal("route_dry_run"),
  calls: z
    .int()
    .describe(
      "Completed calls that were looked at: the last ones of the models that the route names, or of its own name.",
    ),
  undecided_calls: z
    .int()
    .describe(
      "Of these, those whose target depends on what they said (`when`, with `meaning`), which is not recorded: nothing is compared.",
    ),
  unserved_calls: z.int().describe("Of these, those for which the route has no target."),
  unpriced_calls: z.int().describe("Of these, those whose target has no price."),
  recorded_nanos: nanos.describe("What the others did cost."),
  cost_nanos: nanos.describe("What they would cost by the route, without vectors for `when.meaning`."),
  difference_nanos: nanos.describe("The second less the first; negative where the route saves."),
  targets: z.array(z.strictObject({ provider: z.string(), model: z.string(), calls: z.int(), cost_nanos: nanos })),
});

/** Names that go to several targets, as their tenant or the operator says. */
export const routingRoutes = [
  json({
    method: "GET",
    path: "/api/v1/ai/routes",
    permission: "provider:read",
    operation: "listRoutes",
    summary: "The routes that the tenant may call: its own first, then the operator's.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(routeBody),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { rows, nextCursor } = ops.listRoutes({ tenantId, ...request.query });
      const bodies = await Promise.all(rows.map((route) => showRoute(ops, tenantId, route)));
      return toPageBody({ rows: bodies, nextCursor }, (body) => body);
    },
  }),
  json({
    method: "GET",
    path: routePath,
    takesSlashes: true,
    permission: "provider:read",
    operation: "getRoute",
    summary: "One route, with how its targets do at the node that answers.",
    params: routeParams,
    response: routeBody,
    versionOf: ({ version }) => version,
    failures: [aiGatewayFailures.route_not_found],
    handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return showRoute(ops, tenantId, ops.getRoute({ tenantId, name: request.params.name }));
    },
  }),
  json({
    method: "GET",
    // A name takes whatever follows it.
    path: "/api/v1/ai/route-versions/{name}",
    takesSlashes: true,
    permission: "provider:read",
    operation: "listRouteVersions",
    summary: "What a route was each time it was put, the newest first: to see what has changed, and to put one back.",
    params: routeParams,
    query: z.strictObject({
      ...pageQueryFields,
      before: z.coerce.number().int().min(1).max(2_147_483_647).optional().describe("Only those before this version."),
    }),
    response: pageOf(versionBody),
    failures: [aiGatewayFailures.route_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const page = await ops.listRouteVersions({ tenantId, name: request.params.name, ...request.query });
      return toPageBody(page, ({ version, spec, updatedAt }) => ({
        ...{ object: "route_version" as const, version, ...spec, updated_at: updatedAt.toISOString() },
      }));
    },
  }),
  json({
    method: "PUT",
    path: routePath,
    takesSlashes: true,
    permission: "provider:create",
    operation: "putRoute",
    summary:
      "Makes a route of the tenant's own, or puts this in its place; it counts on every node within two seconds.",
    params: routeParams,
    body: routeInput,
    response: routeBody,
    versionOf: ({ version }) => version,
    failures: [
      ...[aiGatewayFailures.route_target_unknown, aiGatewayFailures.route_not_nestable],
      ...[aiGatewayFailures.route_version_mismatch, aiGatewayFailures.too_many_routes],
      ...[mirrorFailures.route_mirror_unknown, cacheFailures.route_embedding_missing],
      ...[cacheFailures.embedding_model_unknown, rolloutFailures.rollout_running],
    ],
    async handle(ops, { expectedVersion, params: { name }, body, ...request }) {
      const { tenantId } = requireCaller(request);
      return showRoute(ops, tenantId, await ops.putRoute({ tenantId, name, expectedVersion, ...body }));
    },
  }),
  json({
    method: "DELETE",
    path: routePath,
    takesSlashes: true,
    permission: "provider:delete",
    operation: "removeRoute",
    summary: "Removes a route of the tenant's own: its name is again what it was without it.",
    params: routeParams,
    response: z.strictObject({ object: z.literal("route"), name: z.string(), deleted: z.literal(true) }),
    failures: [aiGatewayFailures.route_not_found, aiGatewayFailures.route_configured],
    async handle(ops, request) {
      const { name } = request.params;
      const { tenantId } = requireCaller(request);
      await ops.removeRoute({ tenantId, name });
      return { object: "route" as const, name, deleted: true as const };
    },
  }),
  json({
    method: "POST",
    path: `${routePath}:dry-run`,
    takesSlashes: true,
    // It looks at everybody's calls.
    permission: "billing:audit",
    operation: "dryRunRoute",
    summary:
      "Where recorded calls would have gone by a route, and what that would have cost. Nothing is sent or changed.",
    params: routeParams,
    body: z
      .strictObject({
        ...routeSchema.omit({ name: true }).shape,
        calls: z.int().min(1).max(1_000).default(200).describe("How many calls to look at, the last first."),
      })
      .meta({ examples }),
    response: dryRunBody,
    failures: [
      ...[aiGatewayFailures.route_target_unknown, aiGatewayFailures.route_not_nestable],
      ...[cacheFailures.route_embedding_missing, cacheFailures.embedding_model_unknown],
    ],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toDryRunBody(await ops.dryRunRoute({ tenantId, name: request.params.name, ...request.body }));
    },
  }),
];

/** A route as it stands, with how its targets do now. */
async function showRoute(ops: AiGatewayOps, tenantId: string, route: Route): Promise<z.input<typeof routeBody>> {
  const reports = await ops.reportRoute({ tenantId, route });
  const { name, strategy, hedge, continues, embedding, mirror, targets, source, version, updatedAt } = route;
  return {
    ...{ object: "route", name, strategy, hedge, continues, embedding, mirror },
    ...{ source, version, updated_at: updatedAt.toISOString() },
    targets: targets.map((target, at) => {
      const report = reports[at];
      return { ...target, health: report ? toTargetReport(report) : null };
    }),
  };
}

function toDryRunBody(run: DryRun): z.input<typeof dryRunBody> {
  return {
    ...{
      object: "route_dry_run",
      calls: run.calls,
      undecided_calls: run.undecided,
      unserved_calls: run.unserved,
      unpriced_calls: run.unpriced,
    },
    recorded_nanos: run.recordedNanos.toString(),
    cost_nanos: run.costNanos.toString(),
    difference_nanos: (run.costNanos - run.recordedNanos).toString(),
    targets: run.shares.map(({ provider, model, calls, costNanos }) => ({
      ...{ provider, model, calls, cost_nanos: costNanos.toString() },
    })),
  };
}
