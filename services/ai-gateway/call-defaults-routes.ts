import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { type CallDefaults, callDefaultsSchema } from "./call-defaults/call-defaults.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const path = "/api/v1/ai/call-defaults/{key}";
const allKeys = "all";
const params = z.strictObject({
  key: z.string().min(1).max(100).describe("The id of a key; `all` for all of the tenant's calls."),
});

const defaultsBody = z.strictObject({
  object: z.literal("call_defaults"),
  key: z.string().describe("`all` for all of the tenant's calls."),
  ...callDefaultsSchema.shape,
  version: z.int().describe("1, and one more for each change; the ETag."),
  updated_at: z.iso.datetime(),
});

/** What a tenant's calls mean and say where they do not say it themselves. */
export const callDefaultsRoutes = [
  json({
    method: "GET",
    path: "/api/v1/ai/call-defaults",
    permission: "provider:read",
    operation: "listCallDefaults",
    summary: "What the tenant's calls mean and say by default: for all of them first, then by key.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(defaultsBody),
    handle: (ops, request) => toPageBody(ops.listCallDefaults(requireCaller(request).tenantId, request.query), toBody),
  }),
  json({
    method: "GET",
    path,
    permission: "provider:read",
    operation: "getCallDefaults",
    summary: "What calls with one key, or all of the tenant's, mean and say by default.",
    params,
    response: defaultsBody,
    versionOf: ({ version }) => version,
    failures: [aiGatewayFailures.call_defaults_not_found],
    handle: (ops, request) => toBody(ops.getCallDefaults(whoseOf(requireCaller(request).tenantId, request.params))),
  }),
  json({
    method: "PUT",
    path,
    permission: "provider:create",
    operation: "putCallDefaults",
    summary:
      "Says what calls with one key, or all of the tenant's, mean and say by default; it counts on every node within two seconds.",
    params,
    body: callDefaultsSchema.meta({
      examples: [{ aliases: { fast: "gpt-4o-mini" }, parameters: { temperature: 0.2 } }],
    }),
    response: defaultsBody,
    versionOf: ({ version }) => version,
    failures: [
      ...[aiGatewayFailures.call_defaults_version_mismatch, aiGatewayFailures.too_many_call_defaults],
      authFailures.key_not_found,
    ],
    async handle(ops, { params: asked, body, expectedVersion, ...request }) {
      return toBody(await ops.putCallDefaults(whoseOf(requireCaller(request).tenantId, asked), body, expectedVersion));
    },
  }),
  json({
    method: "DELETE",
    path,
    permission: "provider:delete",
    operation: "removeCallDefaults",
    summary: "Says no more what these calls mean and say by default.",
    params,
    response: z.strictObject({ object: z.literal("call_defaults"), key: z.string(), deleted: z.literal(true) }),
    failures: [aiGatewayFailures.call_defaults_not_found],
    async handle(ops, request) {
      await ops.removeCallDefaults(whoseOf(requireCaller(request).tenantId, request.params));
      return { object: "call_defaults" as const, key: request.params.key, deleted: true as const };
    },
  }),
];

function whoseOf(tenantId: string, { key }: z.output<typeof params>) {
  return { tenantId, keyId: key === allKeys ? "" : key };
}

function toBody({ keyId, aliases, parameters, version, updatedAt }: CallDefaults): z.input<typeof defaultsBody> {
  return {
    ...{ object: "call_defaults", key: keyId || allKeys, aliases: { ...aliases }, parameters },
    ...{ version, updated_at: updatedAt.toISOString() },
  };
}
