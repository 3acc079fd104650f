import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import { z } from "zod";
import type { SsoOps } from "../ops.ts";
import { coreGroup, coreUser, enterpriseUser, listMessage, scimLimits } from "./attributes.ts";
import { listBody, toListAnswer } from "./bodies.ts";
import { scimMediaType, toScimErrorReply } from "./error-reply.ts";
import { schemas } from "./schemas.ts";

const { json } = routesFor<SsoOps>();
const common = { method: "GET" as const, permission: "public" as const, toFailureReply: toScimErrorReply };
const params = z.strictObject({ id: z.string().min(1).max(100) });
const configSchema = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const typeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/** What is offered (RFC 7643, 5). */
const providerConfig = {
  schemas: [configSchema],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  filter: { supported: true, maxResults: scimLimits.pageSize },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: true },
  authenticationSchemes: [
    { type: "oauthbearertoken", name: "Bearer token", description: "A token of the connection.", primary: true },
  ],
};
const resourceTypes = [
  {
    ...{ schemas: [typeSchema], id: "User", name: "User", endpoint: "/Users", schema: coreUser },
    ...{ description: "A person.", schemaExtensions: [{ schema: enterpriseUser, required: false }] },
  },
  {
    ...{ schemas: [typeSchema], id: "Group", name: "Group", endpoint: "/Groups", schema: coreGroup },
    ...{ description: "A group.", schemaExtensions: [] },
  },
];
const described = z.looseObject({ schemas: z.array(z.string()) });
const describedOne = described.meta({ examples: [resourceTypes[0]] });
const listed = listBody.meta({
  examples: [
    { schemas: [listMessage], totalResults: 1, startIndex: 1, itemsPerPage: 1, Resources: [resourceTypes[0]] },
  ],
});

function answer(value: unknown): WholeAnswer {
  return new WholeAnswer(200, { "content-type": scimMediaType }, JSON.stringify(value));
}

function answerAll(rows: readonly Readonly<Record<string, unknown>>[]): WholeAnswer {
  return toListAnswer({ total: rows.length, startIndex: 1, rows }, (row) => row);
}

function answerOne(rows: readonly { readonly id: string }[], id: string): WholeAnswer {
  const found = rows.find((row) => row.id === id);
  if (!found) throw new Failure(ssoFailures.scim_not_found, { id });
  return answer(found);
}

/** What SCIM offers here; the same for everybody. */
export const scimDiscoveryRoutes = [
  json({
    ...common,
    path: "/scim/v2/ServiceProviderConfig",
    operation: "getScimProviderConfig",
    summary: "What of SCIM is offered.",
    response: described.meta({ examples: [providerConfig] }),
    handle: () => answer(providerConfig),
  }),
  json({
    ...common,
    path: "/scim/v2/ResourceTypes",
    operation: "listScimResourceTypes",
    summary: "Which kinds of resources there are.",
    response: listed,
    handle: () => answerAll(resourceTypes),
  }),
  json({
    ...common,
    path: "/scim/v2/ResourceTypes/{id}",
    operation: "getScimResourceType",
    summary: "A kind of resources.",
    params,
    response: describedOne,
    failures: [ssoFailures.scim_not_found],
    handle: (_ops, request) => answerOne(resourceTypes, request.params.id),
  }),
  json({
    ...common,
    path: "/scim/v2/Schemas",
    operation: "listScimSchemas",
    summary: "Which attributes people and groups have.",
    response: listed,
    handle: () => answerAll(schemas),
  }),
  json({
    ...common,
    path: "/scim/v2/Schemas/{id}",
    operation: "getScimSchema",
    summary: "Which attributes a kind of resources has.",
    params,
    response: describedOne,
    failures: [ssoFailures.scim_not_found],
    handle: (_ops, request) => answerOne(schemas, request.params.id),
  }),
];
