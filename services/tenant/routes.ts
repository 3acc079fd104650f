import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { newSettings, policyBody, tenantBody, toPolicyBody, toTenantBody } from "./bodies.ts";
import { domainRoutes } from "./domain-routes.ts";
import { newTenantSchema, tenantFields } from "./model.ts";
import type { TenantOps } from "./ops.ts";
import { actorOf, tenantParams as params, referenceOf } from "./reference.ts";

const { json } = routesFor<TenantOps>();

const knowing = [tenantFailures.not_found];
const changing = [...knowing, tenantFailures.version_mismatch];
const status = z.enum(["provisioning", "active", "suspended"]);

const tenantsThemselves = [
  json({
    method: "POST",
    path: "/api/v1/tenants",
    permission: "platform:tenants",
    operation: "addTenant",
    summary: "Creates a tenant that may work at once.",
    body: z.strictObject({
      name: newTenantSchema.shape.name,
      slug: newTenantSchema.shape.slug.describe("Its name in addresses; unique, and never changed."),
      plan: newTenantSchema.shape.plan.default("free"),
    }),
    response: tenantBody,
    successStatus: 201,
    versionOf: ({ version }) => version,
    failures: [tenantFailures.slug_taken],
    handle: async (ops, request) => toTenantBody(await ops.addTenant({ ...request.body, actor: actorOf(request) })),
  }),
  json({
    method: "GET",
    path: "/api/v1/tenants",
    permission: "platform:tenants",
    operation: "listTenants",
    summary: "Every tenant, newest first.",
    query: z.strictObject({
      ...pageQueryFields,
      query: z.string().max(100).optional().describe("Only those whose name or slug contains this, in whatever case."),
      status: status.optional(),
      plan: z.string().max(32).optional(),
    }),
    response: pageOf(tenantBody),
    handle: async (ops, { query }) => toPageBody(await ops.listTenants(query), toTenantBody),
  }),
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}",
    permission: "tenant:read",
    operation: "getTenant",
    summary: "The caller's own tenant ('me'), for operators any.",
    params,
    response: tenantBody,
    versionOf: ({ version }) => version,
    failures: knowing,
    handle: async (ops, request) => toTenantBody(await ops.getTenant(referenceOf(request))),
  }),
  json({
    method: "PATCH",
    path: "/api/v1/tenants/{id}",
    permission: "tenant:update",
    operation: "updateTenant",
    summary: "Changes a tenant's name or settings; operators change its plan too.",
    params,
    body: z.strictObject({
      name: tenantFields.name.optional(),
      plan: tenantFields.plan.optional().describe("For operators."),
      settings: newSettings.optional().describe("What is left out stays as it is."),
    }),
    response: tenantBody,
    versionOf: ({ version }) => version,
    failures: [
      ...[...changing, tenantFailures.operators_only],
      ...[authFailures.role_unknown, authFailures.role_above_own],
    ],
    async handle(ops, request) {
      const { name, plan, settings: given } = request.body;
      const settings = given && {
        requireMfa: given.require_mfa,
        signInMethods: given.sign_in_methods,
        sessionIdleMinutes: given.session_idle_minutes,
        sessionLifetimeHours: given.session_lifetime_hours,
        silentImpersonation: given.silent_impersonation,
        defaultRole: given.default_role,
      };
      const { expectedVersion } = request;
      return toTenantBody(await ops.updateTenant({ ...referenceOf(request), expectedVersion, name, plan, settings }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/tenants/{id}/suspend",
    permission: "platform:tenants",
    operation: "suspendTenant",
    summary: "Shuts a tenant out: none of its keys and sessions is accepted. Nothing is deleted.",
    params,
    body: z.strictObject({ reason: tenantFields.reason.describe("For people to read.") }),
    response: tenantBody,
    versionOf: ({ version }) => version,
    failures: [...changing, tenantFailures.own_tenant, tenantFailures.not_active],
    async handle(ops, request) {
      const { expectedVersion, body } = request;
      return toTenantBody(await ops.suspendTenant({ ...referenceOf(request), expectedVersion, ...body }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/tenants/{id}/reactivate",
    permission: "platform:tenants",
    operation: "reactivateTenant",
    summary: "Lets a suspended tenant work again.",
    params,
    response: tenantBody,
    versionOf: ({ version }) => version,
    failures: [...changing, tenantFailures.not_active],
    async handle(ops, request) {
      const { expectedVersion } = request;
      return toTenantBody(await ops.reactivateTenant({ ...referenceOf(request), expectedVersion }));
    },
  }),
];

const policyRoutes = [
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}/data-policy",
    permission: "tenant:read",
    operation: "getDataPolicy",
    summary: "What may be kept of what a tenant's calls say, and for how long.",
    params,
    response: policyBody,
    versionOf: ({ version }) => version,
    failures: knowing,
    handle: async (ops, request) => toPolicyBody(await ops.getDataPolicy(referenceOf(request))),
  }),
  json({
    method: "PUT",
    path: "/api/v1/tenants/{id}/data-policy",
    permission: "tenant:update",
    operation: "setDataPolicy",
    summary: "Sets what may be kept of what a tenant's calls say, from now on; former versions can be read.",
    params,
    body: z.strictObject({
      retention_days: tenantFields.retentionDays,
      store_bodies: z
        .boolean()
        .describe(
          "Whether requests and answers may be kept (`PUT /api/v1/ai/request-bodies/policy` says of which calls they are).",
        ),
      redact: tenantFields.redact.default([]).describe("What is taken out of what is stored."),
    }),
    response: policyBody,
    versionOf: ({ version }) => version,
    failures: changing,
    async handle(ops, request) {
      const { expectedVersion, body } = request;
      const { retention_days: retentionDays, store_bodies: storeBodies, redact } = body;
      const wanted = { retentionDays, storeBodies, redact };
      return toPolicyBody(await ops.setDataPolicy({ ...referenceOf(request), expectedVersion, ...wanted }));
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}/data-policy/versions",
    permission: "tenant:read",
    operation: "listDataPolicies",
    summary: "Every data policy that was set, newest first.",
    params,
    query: z.strictObject(pageQueryFields),
    response: pageOf(policyBody),
    failures: knowing,
    handle: async (ops, request) =>
      toPageBody(await ops.listDataPolicies({ ...referenceOf(request), ...request.query }), toPolicyBody),
  }),
];

/** Organisations, for those who operate the installation and for their own admins. */
export const tenantRoutes = [...tenantsThemselves, ...policyRoutes, ...domainRoutes];
