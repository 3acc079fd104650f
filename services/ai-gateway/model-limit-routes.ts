import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { checkLimit, limitFields, limitNameSchema, limitRule, type ModelLimit } from "./model-limits/model-limit.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const path = "/admin/model-limits/{name}";
const params = z.strictObject({ name: limitNameSchema });
const forOperators = { permission: "platform:resilience" } as const;

const shape = {
  provider: limitFields.provider,
  model: limitFields.model,
  per: limitFields.per,
  requests_per_minute: limitFields.requestsPerMinute,
  tokens_per_minute: limitFields.tokensPerMinute,
  max_concurrent: limitFields.maxConcurrent,
  cost_usd: limitFields.costUsd,
  cost_window_ms: limitFields.costWindowMs,
};

const limitInput = z
  .strictObject(shape)
  .refine((body) => checkLimit(toSpec(body)), limitRule)
  .meta({ examples: [{ provider: "openai", requests_per_minute: 500, tokens_per_minute: 200_000 }] });

const limitBody = z.strictObject({
  object: z.literal("model_limit"),
  name: z.string(),
  ...shape,
  source: z.enum(["config", "api"]),
  version: z.int().describe("1, and one more for each change; the ETag."),
  updated_at: z.iso.datetime(),
  used: z
    .strictObject({
      in_flight: z.int(),
      requests: z.int(),
      tokens: z.int(),
      cost_nanos: z.string().describe("Nano-units of the currency."),
    })
    .nullable()
    .describe("What counts now at the node that answers; null for a limit that is counted for each by itself."),
});

/** Limits on models and accounts, as operators set them. */
export const modelLimitRoutes = [
  json({
    ...forOperators,
    method: "GET",
    path: "/admin/model-limits",
    operation: "listModelLimits",
    summary: "How much models and providers' accounts may be asked, by name.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(limitBody),
    handle: (ops, { query }) => toPageBody(ops.listModelLimits(query), (limit) => toBody(ops, limit)),
  }),
  json({
    ...forOperators,
    method: "GET",
    path,
    operation: "getModelLimit",
    summary: "One limit, with what counts against it now.",
    params,
    response: limitBody,
    versionOf: ({ version }) => version,
    failures: [aiGatewayFailures.limit_not_found],
    handle: (ops, request) => toBody(ops, ops.getModelLimit(request.params.name)),
  }),
  json({
    ...forOperators,
    method: "PUT",
    path,
    operation: "putModelLimit",
    summary: "Makes a limit, or puts this in its place; it counts on every node within two seconds, from nothing.",
    params,
    body: limitInput,
    response: limitBody,
    versionOf: ({ version }) => version,
    failures: [
      ...[aiGatewayFailures.limit_configured, aiGatewayFailures.limit_version_mismatch],
      aiGatewayFailures.too_many_limits,
    ],
    async handle(ops, { params: { name }, body, expectedVersion }) {
      return toBody(ops, await ops.putModelLimit({ name, ...toSpec(body), expectedVersion }));
    },
  }),
  json({
    ...forOperators,
    method: "DELETE",
    path,
    operation: "removeModelLimit",
    summary: "Removes a limit that was set by call.",
    params,
    response: z.strictObject({ object: z.literal("model_limit"), name: z.string(), deleted: z.literal(true) }),
    failures: [aiGatewayFailures.limit_not_found, aiGatewayFailures.limit_configured],
    async handle(ops, { params: { name } }) {
      await ops.removeModelLimit(name);
      return { object: "model_limit" as const, name, deleted: true as const };
    },
  }),
];

function toSpec(body: z.output<z.ZodObject<typeof shape>>) {
  const { provider, model, per, cost_window_ms: costWindowMs } = body;
  return {
    ...{ provider, model, per, costWindowMs, costUsd: body.cost_usd, maxConcurrent: body.max_concurrent },
    ...{ requestsPerMinute: body.requests_per_minute, tokensPerMinute: body.tokens_per_minute },
  };
}

function toBody(ops: AiGatewayOps, limit: ModelLimit): z.input<typeof limitBody> {
  const use = ops.useOfModelLimit(limit.name);
  const { name, provider, model, per, source, version } = limit;
  return {
    ...{ object: "model_limit", name, provider, model, per, source, version },
    ...{ requests_per_minute: limit.requestsPerMinute, tokens_per_minute: limit.tokensPerMinute },
    ...{ max_concurrent: limit.maxConcurrent, cost_usd: limit.costUsd, cost_window_ms: limit.costWindowMs },
    updated_at: limit.updatedAt.toISOString(),
    used: use
      ? { in_flight: use.inFlight, requests: use.requests, tokens: use.tokens, cost_nanos: use.costNanos.toString() }
      : null,
  };
}
