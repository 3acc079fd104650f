import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { CachePolicy, CacheSize } from "./answer-cache/cache-policy.ts";
import { maxAgeLimitSeconds } from "./answer-cache/cache-wish.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const path = "/api/v1/ai/cache";
const fields = {
  max_age_seconds: z
    .int()
    .min(1)
    .max(maxAgeLimitSeconds)
    .describe("For so long an answer is given again, unless a call says otherwise by the header lyss-cache."),
  keys: z
    .array(z.string().min(1).max(100))
    .max(1_000)
    .default([])
    .describe("Only calls with these keys; all of the tenant's when empty."),
};
const policyInput = z.strictObject(fields).meta({ examples: [{ max_age_seconds: 3_600 }] });
const policyBody = z.strictObject({
  object: z.literal("cache"),
  ...fields,
  answers: z.int().describe("That are kept now."),
  bytes: z.int(),
  version: z.int().describe("1, and one more for each change."),
  updated_at: z.iso.datetime(),
});

/** Answers that are given again, as their tenant says. */
export const cacheRoutes = [
  json({
    method: "GET",
    path,
    permission: "provider:read",
    operation: "getCache",
    summary: "For which of the tenant's calls answers may come from the cache, and what is in it.",
    response: policyBody,
    failures: [aiGatewayFailures.cache_policy_not_found],
    async handle(ops, request) {
      const { policy, size } = await ops.getCache(requireCaller(request).tenantId);
      return toBody(policy, size);
    },
  }),
  json({
    method: "PUT",
    path,
    permission: "provider:create",
    operation: "putCachePolicy",
    summary: "Lets the tenant's calls be answered from the cache; it counts on every node within two seconds.",
    body: policyInput,
    response: policyBody,
    async handle(ops, { body, ...request }) {
      const { tenantId } = requireCaller(request);
      await ops.putCachePolicy({ tenantId, maxAgeSeconds: body.max_age_seconds, keys: body.keys });
      const { policy, size } = await ops.getCache(tenantId);
      return toBody(policy, size);
    },
  }),
  json({
    method: "DELETE",
    path,
    permission: "provider:delete",
    operation: "removeCachePolicy",
    summary:
      "Answers come from the cache only for calls that ask for it. What is kept stays until it expires or is purged.",
    response: z.strictObject({ object: z.literal("cache"), deleted: z.literal(true) }),
    failures: [aiGatewayFailures.cache_policy_not_found],
    async handle(ops, request) {
      await ops.removeCachePolicy(requireCaller(request).tenantId);
      return { object: "cache" as const, deleted: true as const };
    },
  }),
  json({
    method: "POST",
    path: `${path}:purge`,
    permission: "provider:delete",
    operation: "purgeCache",
    summary: "Forgets all answers that are kept for the tenant.",
    response: z.strictObject({ object: z.literal("cache"), purged_answers: z.int() }),
    async handle(ops, request) {
      return { object: "cache" as const, purged_answers: await ops.purgeCache(requireCaller(request).tenantId) };
    },
  }),
];

function toBody({ maxAgeSeconds, keys, version, updatedAt }: CachePolicy, size: CacheSize): z.input<typeof policyBody> {
  return {
    ...{ object: "cache", max_age_seconds: maxAgeSeconds, keys: [...keys], ...size },
    ...{ version, updated_at: updatedAt.toISOString() },
  };
}
