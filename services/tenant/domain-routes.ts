import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { pageOf } from "@lyss/kit/http/page.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { domainBody, toDomainBody } from "./bodies.ts";
import { tenantFields } from "./model.ts";
import type { TenantOps } from "./ops.ts";
import { referenceOf, tenantParams } from "./reference.ts";

const { json } = routesFor<TenantOps>();

const domainParams = tenantParams.extend({ domain: tenantFields.domain });
const knowing = [tenantFailures.not_found, tenantFailures.domain_not_found];

/** Domains that tenants say are their own, and how they show it. */
export const domainRoutes = [
  json({
    method: "POST",
    path: "/api/v1/tenants/{id}/domains",
    permission: "tenant:update",
    operation: "addDomain",
    summary: "Adds a domain, to be verified by the TXT record that the answer tells.",
    params: tenantParams,
    body: z.strictObject({ domain: tenantFields.domain }),
    response: domainBody,
    successStatus: 201,
    failures: [tenantFailures.not_found, tenantFailures.too_many_domains],
    handle: async (ops, request) =>
      toDomainBody(await ops.addDomain({ ...referenceOf(request), domain: request.body.domain })),
  }),
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}/domains",
    permission: "tenant:read",
    operation: "listDomains",
    summary: "A tenant's domains in the order of their names: at most 100, in one page.",
    params: tenantParams,
    response: pageOf(domainBody),
    failures: [tenantFailures.not_found],
    async handle(ops, request) {
      const found = await ops.listDomains(referenceOf(request));
      return { object: "list" as const, data: found.map(toDomainBody), next_cursor: null };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/tenants/{id}/domains/{domain}/verify",
    permission: "tenant:update",
    operation: "verifyDomain",
    summary: "Looks in DNS whether the domain is the tenant's.",
    params: domainParams,
    response: domainBody,
    failures: [...knowing, tenantFailures.domain_unproven, tenantFailures.domain_taken],
    handle: async (ops, request) =>
      toDomainBody(await ops.verifyDomain({ ...referenceOf(request), domain: request.params.domain })),
  }),
  json({
    method: "DELETE",
    path: "/api/v1/tenants/{id}/domains/{domain}",
    permission: "tenant:update",
    operation: "removeDomain",
    summary: "Removes a domain, verified or not.",
    params: domainParams,
    response: z.strictObject({ object: z.literal("tenant.domain"), domain: z.string(), deleted: z.literal(true) }),
    failures: knowing,
    async handle(ops, request) {
      const { domain } = request.params;
      await ops.removeDomain({ ...referenceOf(request), domain });
      return { object: "tenant.domain" as const, domain, deleted: true as const };
    },
  }),
];
