import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { guardrailFailures } from "@lyss/contracts/failures/ai-gateway-guardrails.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type RoutePermission, routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { findingBody, toFindingBody } from "./guardrails/finding-body.ts";
import { type Guardrail, guardrailNameSchema, guardrailSchema } from "./guardrails/guardrail.ts";
import type { TriedText } from "./guardrails/try-guardrails.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const params = z.strictObject({ name: guardrailNameSchema });
const guardrailInput = guardrailSchema.meta({
  examples: [
    { kind: "pii", types: ["email", "phone"], action: "mask", on: "request" },
    { kind: "webhook", url: "https://guard.example.com/check", on_error: "closed", timeout_ms: 1_000 },
    { kind: "model", model: "omni-moderation-latest", categories: ["violence"], thresholds: { violence: 0.7 } },
  ],
});
const guardrailBody = z.strictObject({
  object: z.literal("guardrail"),
  name: z.string(),
  rule: guardrailSchema,
  has_secret: z.boolean().describe("Whether what a webhook is sent is signed."),
  version: z.int().describe("1, and one more for each change; the ETag."),
  updated_at: z.iso.datetime(),
});
const textInput = z
  .strictObject({
    text: z.string().min(1).max(100_000),
    side: z.enum(["request", "answer"]).default("request").describe("As what the text is looked at."),
    name: guardrailNameSchema.optional().describe("Only this guardrail; all that are in force unless given."),
  })
  .meta({ examples: [{ text: "Write to ann@example.com" }] });
const triedBody = z.strictObject({
  object: z.literal("guardrail_test"),
  blocked: z.boolean(),
  text: z.string().describe("As it would go on; empty where it would not."),
  findings: z.array(findingBody),
});

interface GuardrailPlace {
  readonly path: string;
  /** Added to the operations' names, which are unique. */
  readonly suffix: string;
  readonly whose: string;
  readonly permission: (verb: "read" | "update" | "delete") => RoutePermission;
  readonly tenantOf: (caller: Caller) => string;
}

const places: readonly GuardrailPlace[] = [
  {
    ...{ path: "/api/v1/ai/guardrails", suffix: "", whose: "the tenant's" },
    permission: (verb) => `guardrail:${verb}`,
    tenantOf: ({ tenantId }) => tenantId,
  },
  {
    ...{ path: "/admin/guardrails", suffix: "OfPlatform", whose: "the platform's, for all tenants" },
    permission: () => "platform:guardrails",
    tenantOf: () => "",
  },
];

function routesAt({ path, suffix, whose, permission, tenantOf }: GuardrailPlace) {
  const onePath = `${path}/{name}`;
  const notFound = [aiGatewayFailures.guardrail_not_found];
  return [
    json({
      method: "GET",
      path,
      permission: permission("read"),
      operation: `listGuardrails${suffix}`,
      summary: `Guardrails: what calls are looked at for; ${whose}, by name.`,
      query: z.strictObject(pageQueryFields),
      response: pageOf(guardrailBody),
      handle: (ops, request) =>
        toPageBody(ops.listGuardrails({ tenantId: tenantOf(requireCaller(request)), ...request.query }), toBody),
    }),
    json({
      method: "GET",
      path: onePath,
      permission: permission("read"),
      operation: `getGuardrail${suffix}`,
      summary: `One guardrail of ${whose}.`,
      params,
      response: guardrailBody,
      versionOf: ({ version }) => version,
      failures: notFound,
      handle: (ops, request) =>
        toBody(ops.getGuardrail({ tenantId: tenantOf(requireCaller(request)), name: request.params.name })),
    }),
    json({
      method: "PUT",
      path: onePath,
      permission: permission("update"),
      operation: `putGuardrail${suffix}`,
      summary: `Makes a guardrail of ${whose}, or puts this in its place; it counts on every node within two seconds.`,
      params,
      body: guardrailInput,
      response: guardrailBody,
      versionOf: ({ version }) => version,
      failures: [
        ...[aiGatewayFailures.guardrail_version_mismatch, aiGatewayFailures.too_many_guardrails],
        ...[guardrailFailures.webhook_address_refused, guardrailFailures.guardrail_secret_needed],
        ...[aiGatewayFailures.model_not_found, guardrailFailures.guardrail_of_tenant],
      ],
      async handle(ops, { params: { name }, body: spec, expectedVersion, ...request }) {
        const tenantId = tenantOf(requireCaller(request));
        return toBody(await ops.putGuardrail({ tenantId, name, spec, expectedVersion }));
      },
    }),
    json({
      method: "DELETE",
      path: onePath,
      permission: permission("delete"),
      operation: `removeGuardrail${suffix}`,
      summary: `Removes a guardrail of ${whose}.`,
      params,
      response: z.strictObject({ object: z.literal("guardrail"), name: z.string(), deleted: z.literal(true) }),
      failures: notFound,
      async handle(ops, request) {
        const { name } = request.params;
        await ops.removeGuardrail({ tenantId: tenantOf(requireCaller(request)), name });
        return { object: "guardrail" as const, name, deleted: true as const };
      },
    }),
    json({
      method: "POST",
      path: `${path}:test`,
      permission: permission("read"),
      operation: `testGuardrails${suffix}`,
      summary: `What ${whose} guardrails would make of a text, whichever calls they are for. Webhooks are asked, and models at their price, which takes \`model:call\`; nothing else is sent, told or charged.`,
      body: textInput,
      response: triedBody,
      failures: notFound,
      async handle(ops, request) {
        const { text, side, name } = request.body;
        const { requestId } = request;
        const caller = requireCaller(request);
        const given = { tenantId: tenantOf(caller), text, side, name, caller, requestId };
        return toTriedBody(await ops.tryGuardrails(given));
      },
    }),
  ];
}

/** What calls are looked at for. */
export const guardrailRoutes = places.flatMap(routesAt);

function toBody({ name, spec, credentialId, version, updatedAt }: Guardrail): z.input<typeof guardrailBody> {
  const signed = { has_secret: credentialId !== "" };
  return { object: "guardrail", name, rule: spec, ...signed, version, updated_at: updatedAt.toISOString() };
}

function toTriedBody({ isBlocked, text, findings }: TriedText): z.input<typeof triedBody> {
  return { object: "guardrail_test", blocked: isBlocked, text, findings: findings.map(toFindingBody) };
}
