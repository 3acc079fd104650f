import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { DegradationStats } from "@lyss/kit/resilience/degradation.ts";
import { degradationLevels } from "@lyss/kit/resilience/degradation-level.ts";
import type { PolicyStats } from "@lyss/kit/resilience/policy.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { z } from "zod";
import { breakerActions } from "./ops/order-breaker.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const level = z.enum(degradationLevels);
const count = z.int().min(0);

const degradation = z.strictObject({
  level,
  changes: count,
  features: z.array(z.strictObject({ feature: z.string(), level, changes: count, fallbacks: count })),
});

const policy = z.strictObject({
  name: z.string().describe("`provider.<name>`, or `provider.<name>@<tenant>` for a tenant's own provider."),
  calls: count,
  breaker: z
    .strictObject({
      state: z.enum(["closed", "open", "half_open"]),
      forced: z.boolean().describe("True while a person holds the state."),
      refused: count,
      opened: count,
    })
    .nullable(),
  bulkhead: z.strictObject({ in_flight: count, queued: count, refused: count }).nullable(),
  retry: z.strictObject({ attempts: count, retries: count, refused_by_budget: count }).nullable(),
});

const node = z.string().describe("The process that answers; the figures are its own.");
/** An operator's, not a tenant's; and to be had most of all when there is too much to do. */
const forOperators = { permission: "platform:resilience", priority: "essential" } as const;

/** What an operator sees and sets by hand while the platform runs. */
export const resilienceRoutes = [
  json({
    ...forOperators,
    method: "GET",
    path: "/admin/resilience",
    operation: "getResilience",
    summary: "How this node calls its providers and how much it offers.",
    response: z.strictObject({ object: z.literal("resilience"), node, degradation, policies: z.array(policy) }),
    handle(ops) {
      const state = ops.getResilience();
      return {
        object: "resilience" as const,
        node: state.node,
        degradation: toDegradation(state.degradation),
        policies: [...state.policies].map(([name, stats]) => toPolicy(name, stats)),
      };
    },
  }),
  json({
    ...forOperators,
    method: "PUT",
    path: "/admin/degradation",
    operation: "orderDegradation",
    summary: "Sets how much is offered, on every node, until it is set anew; `auto` leaves it to the measurements.",
    body: z.strictObject({
      level: z.enum(["auto", ...degradationLevels]),
      feature: z.string().min(1).max(100).optional().describe("Only this feature; all that is offered unless given."),
    }),
    response: z.strictObject({ object: z.literal("degradation"), node, ...degradation.shape }),
    failures: [resilienceFailures.feature_not_found],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { level: wanted, feature } = request.body;
      const stats = await ops.orderDegradation({ level: wanted === "auto" ? undefined : wanted, feature, userId });
      return { object: "degradation" as const, node: ops.getResilience().node, ...toDegradation(stats) };
    },
  }),
  json({
    ...forOperators,
    method: "POST",
    path: "/admin/resilience/policies/{name}/breaker",
    operation: "orderBreaker",
    summary: "Opens or closes a circuit breaker by hand, on every node, until `reset`.",
    params: z.strictObject({ name: z.string().max(200) }),
    body: z.strictObject({ action: z.enum(breakerActions) }),
    response: z.strictObject({ object: z.literal("policy"), node, ...policy.shape }),
    failures: [resilienceFailures.policy_not_found, resilienceFailures.policy_without_breaker],
    async handle(ops, request) {
      const { userId } = requireCaller(request);
      const { name } = request.params;
      const stats = await ops.orderBreaker({ policy: name, action: request.body.action, userId });
      return { object: "policy" as const, node: ops.getResilience().node, ...toPolicy(name, stats) };
    },
  }),
];

function toDegradation({ level, changes, features }: DegradationStats): z.input<typeof degradation> {
  return { level, changes, features: features.map((feature) => ({ ...feature })) };
}

function toPolicy(name: string, { calls, breaker, bulkhead, retry }: PolicyStats): z.input<typeof policy> {
  return {
    ...{ name, calls },
    breaker: breaker
      ? { state: breaker.state, forced: breaker.isForced, refused: breaker.refused, opened: breaker.opened }
      : null,
    bulkhead: bulkhead ? { in_flight: bulkhead.inFlight, queued: bulkhead.queued, refused: bulkhead.refused } : null,
    retry: retry
      ? { attempts: retry.attempts, retries: retry.retries, refused_by_budget: retry.refusedByBudget }
      : null,
  };
}
