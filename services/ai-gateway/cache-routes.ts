import { cacheFailures } from "@lyss/contracts/failures/ai-gateway-cache.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { type CachePolicy, type CacheSize, cacheScopes, type SemanticPolicy } from "./answer-cache/cache-policy.ts";
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
  scope: z
    .enum(cacheScopes)
    .default("tenant")
    .describe("Who shares answers: everybody of the tenant, or only the calls of one person (`user`), or of one key."),
  semantic: z
    .strictObject({
      embedding_model: z
        .string()
        .min(1)
        .max(200)
        .describe("What makes vectors of questions: a model or route that the tenant may call. Callers pay for it."),
      min_similarity: z
        .number()
        .min(0.5)
        .max(1)
        .default(0.95)
        .describe("The least cosine at which the answer to a question is given to another; a call may want more."),
      timeout_ms: z
        .int()
        .min(50)
        .max(10_000)
        .default(1_000)
        .describe("A vector that is not there by then is not waited for: the call is made."),
    })
    .nullable()
    .default(null)
    .describe(
      "Gives answers also to questions that are alike: the last message is compared, everything else has to be equal. Null for never.",
    ),
};
const policyInput = z.strictObject(fields).meta({
  examples: [
    { max_age_seconds: 3_600 },
    { max_age_seconds: 86_400, semantic: { embedding_model: "text-embedding-3-small", min_similarity: 0.95 } },
  ],
});
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
    failures: [cacheFailures.cache_policy_not_found],
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
    failures: [cacheFailures.embedding_model_unknown],
    async handle(ops, { body, ...request }) {
      const { tenantId } = requireCaller(request);
      const { max_age_seconds: maxAgeSeconds, keys, scope, semantic } = body;
      await ops.putCachePolicy({ tenantId, maxAgeSeconds, keys, scope, semantic: semantic && toSemantic(semantic) });
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
    failures: [cacheFailures.cache_policy_not_found],
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

function toSemantic(given: NonNullable<z.output<typeof policyInput>["semantic"]>): SemanticPolicy {
  const { embedding_model: embeddingModel, min_similarity: minSimilarity, timeout_ms: timeoutMs } = given;
  return { embeddingModel, minSimilarity, timeoutMs };
}

function toBody(policy: CachePolicy, size: CacheSize): z.input<typeof policyBody> {
  const { maxAgeSeconds, keys, scope, semantic, version, updatedAt } = policy;
  return {
    ...{ object: "cache", max_age_seconds: maxAgeSeconds, keys: [...keys], scope, ...size },
    semantic: semantic && {
      ...{ embedding_model: semantic.embeddingModel, min_similarity: semantic.minSimilarity },
      timeout_ms: semantic.timeoutMs,
    },
    ...{ version, updated_at: updatedAt.toISOString() },
  };
}
