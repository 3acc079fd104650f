import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { cacheFailures } from "@lyss/contracts/failures/ai-gateway-cache.ts";
import { mirrorFailures } from "@lyss/contracts/failures/ai-gateway-mirrors.ts";
import { rolloutFailures } from "@lyss/contracts/failures/ai-gateway-rollouts.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AiGatewayOps } from "./ops.ts";
import {
  gatesSchema,
  meanOf,
  percentSchema,
  type Rollout,
  rolloutSchema,
  rolloutStates,
  shareOf,
  type VersionCounts,
} from "./routing/rollout.ts";
import { routeSchema, routeTargetBody } from "./routing/route.ts";

const { json } = routesFor<AiGatewayOps>();

const path = "/api/v1/ai/route-rollouts/{name}";
const params = z.strictObject({
  name: z.string().min(1).max(200).describe("Slashes and colons stand as they are: `openai/gpt-4o:free`."),
});
const examples = [
  {
    percent: 5,
    strategy: "fallback",
    targets: [
      { provider: "azure", model: "gpt-4o-mini" },
      { provider: "openai", model: "gpt-4o-mini" },
    ],
  },
];

const side = z.strictObject({
  calls: z.int().describe("That have ended since the share is what it is."),
  error_rate: z.number().describe("Of these, the share that was not answered."),
  mean_ms: z.number().describe("How long they took, on average."),
});

const rolloutBody = z.strictObject({
  object: z.literal("route_rollout"),
  name: z.string(),
  state: z.enum(rolloutStates),
  reason: z.string().nullable().describe("Why it was rolled back."),
  percent: z.int(),
  gates: gatesSchema,
  version: z.strictObject({ ...routeSchema.omit({ name: true }).shape, targets: z.array(routeTargetBody) }),
  current: side.describe("Calls by the route as it is."),
  candidate: side.describe("Calls by the new version."),
  started_at: z.iso.datetime(),
  staged_at: z.iso.datetime().describe("Since when the share is what it is."),
  ended_at: z.iso.datetime().nullable(),
});

const asked = { takesSlashes: true, params, response: rolloutBody } as const;
const { rollout_not_found: notFound, rollout_ended: ended, rollout_running: running } = rolloutFailures;

/** Changes of routes that a share of their callers has before the others. */
export const rolloutRoutes = [
  json({
    ...{ method: "PUT", path, permission: "provider:create", operation: "startRollout", ...asked },
    summary:
      "Gives a share of a route's callers another version of it. It is watched, and taken back by itself where it does worse than its gates allow.",
    body: rolloutSchema.meta({ examples }),
    failures: [
      ...[aiGatewayFailures.route_not_found, aiGatewayFailures.route_configured, running],
      ...[aiGatewayFailures.route_target_unknown, aiGatewayFailures.route_not_nestable],
      ...[mirrorFailures.route_mirror_unknown, cacheFailures.route_embedding_missing],
      cacheFailures.embedding_model_unknown,
    ],
    async handle(ops, { params: { name }, body, ...request }) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.startRollout({ tenantId, name, ...body }));
    },
  }),
  json({
    ...{ method: "GET", path, permission: "provider:read", operation: "getRollout", ...asked },
    summary: "How the change of a route does that is tried, or how the last one ended.",
    failures: [notFound],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.getRollout({ tenantId, name: request.params.name }));
    },
  }),
  json({
    ...{
      method: "POST",
      path: `${path}:promote`,
      permission: "provider:create",
      operation: "promoteRollout",
      ...asked,
    },
    summary: "Gives the new version to a larger share of the callers, or to all: then it is the route.",
    body: z.strictObject({ percent: percentSchema.optional() }).meta({ examples: [{ percent: 25 }] }),
    failures: [
      ...[notFound, ended, aiGatewayFailures.route_target_unknown, aiGatewayFailures.route_not_nestable],
      ...[mirrorFailures.route_mirror_unknown, cacheFailures.route_embedding_missing],
      cacheFailures.embedding_model_unknown,
    ],
    async handle(ops, { params: { name }, body: { percent }, ...request }) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.promoteRollout({ tenantId, name, percent }));
    },
  }),
  json({
    ...{ method: "DELETE", path, permission: "provider:create", operation: "stopRollout", ...asked },
    summary: "Gives every caller the route as it was.",
    failures: [notFound, ended],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toBody(await ops.stopRollout({ tenantId, name: request.params.name }));
    },
  }),
];

function toBody(rollout: Rollout): z.input<typeof rolloutBody> {
  const { name, state, reason, percent, gates, spec, counts, startedAt, stagedAt, endedAt } = rollout;
  return {
    ...{ object: "route_rollout", name, state, reason: reason || null, percent, gates, version: spec },
    ...{ current: toSide(counts.current), candidate: toSide(counts.candidate) },
    ...{ started_at: startedAt.toISOString(), staged_at: stagedAt.toISOString() },
    ended_at: endedAt?.toISOString() ?? null,
  };
}

function toSide(counts: VersionCounts) {
  return { calls: counts.calls, error_rate: shareOf(counts), mean_ms: meanOf(counts) };
}
