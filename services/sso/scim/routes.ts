import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { SsoOps } from "../ops.ts";
import { groupBody, patchBody, userBody } from "./attributes.ts";
import {
  isWanted,
  listBody,
  listQuery,
  readQuery,
  resourceBody,
  toAnswer,
  toGroupResource,
  toListAnswer,
  toPart,
  toUserResource,
} from "./bodies.ts";
import { toScimErrorReply } from "./error-reply.ts";
import type { ScimReference } from "./model.ts";

const { json } = routesFor<SsoOps>();
const params = z.strictObject({ id: z.string().min(1).max(64) });
const { scim_token_refused, scim_not_found, scim_version_mismatch, scim_taken, scim_too_many } = ssoFailures;
const { scim_filter_invalid, scim_path_invalid, scim_no_target, scim_immutable, scim_last_owner } = ssoFailures;
const { scim_member_unknown } = ssoFailures;
const changing = [scim_token_refused, scim_not_found, scim_version_mismatch, scim_taken];
const patching = [scim_path_invalid, scim_no_target, scim_filter_invalid];

/** Known to the connection's token, not to the platform: who may come in is for the operation to say. */
const common = {
  permission: "public" as const,
  reads: ["authorization", "if-none-match"],
  toFailureReply: toScimErrorReply,
  admit: openScim,
};
const writing = { ...common, bodyFormats: ["application/scim+json" as const] };
const versionOf = ({ meta }: { readonly meta: { readonly version: string } }) =>
  Number(meta.version.replace(/\D/g, ""));
const nothing = z.strictObject({});

type Asked = Pick<JsonRequest<unknown, unknown, unknown>, "headers" | "clientAddress">;

function openScim(ops: SsoOps, { headers, clientAddress }: Asked) {
  return ops.findScimCaller({ authorization: headers["authorization"], clientAddress });
}

async function toReference(
  ops: SsoOps,
  request: Asked & { readonly params: { readonly id: string }; readonly expectedVersion: number | undefined },
): Promise<ScimReference> {
  const { params: named, expectedVersion } = request;
  return { caller: await openScim(ops, request), resourceId: named.id, expectedVersion };
}

async function answerGroup(ops: SsoOps, status: 200 | 201, reference: ScimReference) {
  const group = await ops.getScimGroup({ ...reference, wantsMembers: true });
  return toAnswer(status, toGroupResource(group, ops.publicUrl));
}

const userRoutes = [
  json({
    ...common,
    method: "GET",
    path: "/scim/v2/Users",
    operation: "listScimUsers",
    summary: "People whom the connection manages (RFC 7644).",
    query: listQuery,
    response: listBody,
    failures: [scim_token_refused, scim_filter_invalid],
    async handle(ops, request) {
      const found = await ops.listScimUsers({ caller: await openScim(ops, request), ...toPart(request.query) });
      return toListAnswer(found, (row) => toUserResource(row, ops.publicUrl), request.query);
    },
  }),
  json({
    ...writing,
    method: "POST",
    path: "/scim/v2/Users",
    operation: "createScimUser",
    summary: "Makes a person. Nobody who exists is taken for them.",
    body: userBody,
    response: resourceBody,
    successStatus: 201,
    failures: [scim_token_refused, scim_taken, scim_too_many],
    async handle(ops, request) {
      const created = await ops.createScimUser({ caller: await openScim(ops, request), sent: request.body });
      return toAnswer(201, toUserResource(created, ops.publicUrl));
    },
  }),
  json({
    ...common,
    method: "GET",
    path: "/scim/v2/Users/{id}",
    operation: "getScimUser",
    summary: "A person whom the connection manages.",
    params,
    query: readQuery,
    response: resourceBody,
    versionOf,
    failures: [scim_token_refused, scim_not_found],
    async handle(ops, request) {
      const found = await ops.getScimUser(await toReference(ops, request));
      const known = request.headers["if-none-match"];
      return toAnswer(200, toUserResource(found, ops.publicUrl), { shown: request.query, known });
    },
  }),
  json({
    ...writing,
    method: "PUT",
    path: "/scim/v2/Users/{id}",
    operation: "replaceScimUser",
    summary: "Replaces what is known of a person. Whether they are active stays where it is left out.",
    params,
    body: userBody,
    response: resourceBody,
    versionOf,
    failures: [...changing, scim_immutable, scim_last_owner],
    async handle(ops, request) {
      const changed = await ops.replaceScimUser({ ...(await toReference(ops, request)), sent: request.body });
      return toAnswer(200, toUserResource(changed, ops.publicUrl));
    },
  }),
  json({
    ...writing,
    method: "PATCH",
    path: "/scim/v2/Users/{id}",
    operation: "patchScimUser",
    summary: "Changes a person. active: false keeps them out, with sessions and keys, on every node at once.",
    params,
    body: patchBody,
    response: resourceBody,
    versionOf,
    failures: [...changing, ...patching, scim_immutable, scim_last_owner],
    async handle(ops, request) {
      const reference = await toReference(ops, request);
      const changed = await ops.patchScimUser({ ...reference, operations: request.body.Operations });
      return toAnswer(200, toUserResource(changed, ops.publicUrl));
    },
  }),
  json({
    ...common,
    method: "DELETE",
    path: "/scim/v2/Users/{id}",
    operation: "deleteScimUser",
    summary: "Removes a person: kept out at once, and forgotten.",
    params,
    response: nothing,
    versionOf: () => 0,
    successStatus: 204,
    failures: [scim_token_refused, scim_not_found, scim_version_mismatch, scim_last_owner],
    async handle(ops, request) {
      await ops.deleteScimUser(await toReference(ops, request));
      return {};
    },
  }),
];

const groupRoutes = [
  json({
    ...common,
    method: "GET",
    path: "/scim/v2/Groups",
    operation: "listScimGroups",
    summary: "Groups that the connection manages.",
    query: listQuery,
    response: listBody,
    failures: [scim_token_refused, scim_filter_invalid],
    async handle(ops, request) {
      const wantsMembers = isWanted("members", request.query);
      const part = toPart(request.query);
      const found = await ops.listScimGroups({ caller: await openScim(ops, request), ...part, wantsMembers });
      return toListAnswer(found, (row) => toGroupResource(row, ops.publicUrl), request.query);
    },
  }),
  json({
    ...writing,
    method: "POST",
    path: "/scim/v2/Groups",
    operation: "createScimGroup",
    summary: "Makes a group. What it gives its members follows from the connection's group mapping, by its name.",
    body: groupBody,
    response: resourceBody,
    successStatus: 201,
    failures: [scim_token_refused, scim_taken, scim_too_many, scim_member_unknown],
    async handle(ops, request) {
      const caller = await openScim(ops, request);
      const { resourceId } = await ops.createScimGroup({ caller, sent: request.body });
      return answerGroup(ops, 201, { caller, resourceId });
    },
  }),
  json({
    ...common,
    method: "GET",
    path: "/scim/v2/Groups/{id}",
    operation: "getScimGroup",
    summary: "A group that the connection manages.",
    params,
    query: readQuery,
    response: resourceBody,
    versionOf,
    failures: [scim_token_refused, scim_not_found],
    async handle(ops, request) {
      const wantsMembers = isWanted("members", request.query);
      const found = await ops.getScimGroup({ ...(await toReference(ops, request)), wantsMembers });
      const known = request.headers["if-none-match"];
      return toAnswer(200, toGroupResource(found, ops.publicUrl), { shown: request.query, known });
    },
  }),
  json({
    ...writing,
    method: "PUT",
    path: "/scim/v2/Groups/{id}",
    operation: "replaceScimGroup",
    summary: "Replaces a group with its members.",
    params,
    body: groupBody,
    response: resourceBody,
    versionOf,
    failures: [...changing, scim_member_unknown],
    async handle(ops, request) {
      const reference = await toReference(ops, request);
      await ops.replaceScimGroup({ ...reference, sent: request.body });
      return answerGroup(ops, 200, reference);
    },
  }),
  json({
    ...writing,
    method: "PATCH",
    path: "/scim/v2/Groups/{id}",
    operation: "patchScimGroup",
    summary: "Changes a group, or single members of it.",
    params,
    body: patchBody,
    response: resourceBody,
    versionOf,
    failures: [...changing, ...patching, scim_member_unknown],
    async handle(ops, request) {
      const reference = await toReference(ops, request);
      await ops.patchScimGroup({ ...reference, operations: request.body.Operations });
      return answerGroup(ops, 200, reference);
    },
  }),
  json({
    ...common,
    method: "DELETE",
    path: "/scim/v2/Groups/{id}",
    operation: "deleteScimGroup",
    summary: "Removes a group. Its members stay, without what it gave them.",
    params,
    response: nothing,
    versionOf: () => 0,
    successStatus: 204,
    failures: [scim_token_refused, scim_not_found, scim_version_mismatch],
    async handle(ops, request) {
      await ops.deleteScimGroup(await toReference(ops, request));
      return {};
    },
  }),
];

/** How providers manage people and groups of a tenant: SCIM 2.0. */
export const scimRoutes = [...userRoutes, ...groupRoutes];
