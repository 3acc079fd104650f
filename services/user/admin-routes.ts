import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { accessTokenBody, toAccessTokenBody } from "@lyss/kit/oauth/token-body.ts";
import { z } from "zod";
import { type UserStatus, userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";
import { toUserBody, userBody } from "./people-routes.ts";

const { json } = routesFor<UserOps>();

const params = z.strictObject({ id: z.string().max(64) });
const reason = z.string().trim().min(1).max(500).describe("For the person's audit log.");
const changing = [
  userFailures.not_found,
  userFailures.version_mismatch,
  userFailures.role_above_own,
  userFailures.last_owner,
  userFailures.own_status,
];

const factorsReset = z.strictObject({ object: z.literal("user.factors_reset"), id: z.string() });
const resetting = [userFailures.not_found, userFailures.role_above_own, userFailures.own_factors];

type Change = Pick<
  JsonRequest<{ readonly reason?: string | undefined }, unknown, { readonly id: string }>,
  "body" | "params" | "caller" | "clientAddress" | "expectedVersion"
>;

async function setStatus(ops: UserOps, request: Change, status: UserStatus) {
  const { userId, keyId, permissions } = requireCaller(request);
  const { clientAddress, expectedVersion, body } = request;
  const reference = { userId: request.params.id, tenantId: undefined, actor: { userId, keyId, permissions } };
  return toUserBody(
    await ops.updateUser({ ...reference, status, reason: body.reason, clientAddress, expectedVersion }),
  );
}

async function resetFactors(
  ops: UserOps,
  request: Omit<Change, "body"> & { readonly body: { readonly reason: string } },
  tenantId?: string,
) {
  const { userId, keyId, permissions } = requireCaller(request);
  const {
    clientAddress,
    body,
    params: { id },
  } = request;
  await ops.resetFactors({ userId: id, tenantId, actor: { userId, keyId, permissions }, ...body, clientAddress });
  return { object: "user.factors_reset" as const, id };
}

/** Somebody of one's own tenant who lost their second factors. */
export const resetFactorsRoute = json({
  method: "POST",
  path: "/api/v1/users/{id}/factors/reset",
  permission: "user:update",
  operation: "resetFactors",
  stepUp: "persons",
  summary:
    "Takes all second factors of somebody who lost them away, and signs the person out everywhere; they are told by mail.",
  params,
  body: z.strictObject({ reason }),
  response: factorsReset,
  successStatus: 202,
  failures: resetting,
  handle: (ops, request) => resetFactors(ops, request, requireCaller(request).tenantId),
});

/** People of every tenant, for those who operate the installation. */
export const adminRoutes = [
  json({
    method: "GET",
    path: "/admin/users",
    permission: "platform:users",
    operation: "listAllUsers",
    summary: "The people of every tenant, newest first.",
    query: z.strictObject({
      ...pageQueryFields,
      search: z.string().trim().max(100).optional().describe("Words that are each part of the name or the address."),
      tenant: z.string().max(64).optional().describe("Only people of this tenant."),
      status: userFields.status.optional(),
      role: userFields.role.optional(),
    }),
    response: pageOf(userBody),
    async handle(ops, request) {
      const { search = "", tenant: tenantId, ...query } = request.query;
      const words = search.split(/\s+/).filter(Boolean);
      return toPageBody(await ops.listUsers({ tenantId, words, ...query }), toUserBody);
    },
  }),
  json({
    method: "POST",
    path: "/admin/users/{id}/disable",
    permission: "platform:users",
    operation: "disableUser",
    summary: "Suspends a person of any tenant: sessions and keys are refused, on every node.",
    params,
    body: z.strictObject({ reason }),
    response: userBody,
    versionOf: ({ version }) => version,
    failures: changing,
    handle: (ops, request) => setStatus(ops, request, "suspended"),
  }),
  json({
    method: "POST",
    path: "/admin/users/{id}/enable",
    permission: "platform:users",
    operation: "enableUser",
    summary: "Lets a person of any tenant sign in again.",
    params,
    body: z.strictObject({ reason: reason.optional() }).prefault({}),
    response: userBody,
    versionOf: ({ version }) => version,
    failures: changing,
    handle: (ops, request) => setStatus(ops, request, "active"),
  }),
  json({
    method: "POST",
    path: "/admin/users/{id}/impersonate",
    permission: "platform:impersonate",
    stepUp: "persons",
    operation: "impersonateUser",
    summary:
      "Lets an operator act in a person's name for 15 minutes, without a refresh token. The person sees and may end it; nothing can be done that is the person's own affair.",
    params,
    body: z.strictObject({ reason: reason.describe("For the person to read, and for the audit log.") }),
    response: accessTokenBody.extend({ session_id: z.string(), user_id: z.string() }),
    failures: [
      ...[userFailures.not_found, authFailures.impersonation_above, authFailures.impersonation_of_operator],
      authFailures.access_barred,
    ],
    async handle(ops, request) {
      const { params: named, body, clientAddress, userAgent } = request;
      const operator = requireCaller(request);
      const given = await ops.impersonateUser({ userId: named.id, operator, ...body, clientAddress, userAgent });
      return { ...toAccessTokenBody(given), session_id: given.sessionId, user_id: named.id };
    },
  }),
  json({
    method: "POST",
    path: "/admin/users/{id}/factors/reset",
    permission: "platform:users",
    operation: "resetAnyFactors",
    stepUp: "persons",
    summary:
      "Takes all second factors of somebody of any tenant away, and signs the person out everywhere; they are told by mail.",
    params,
    body: z.strictObject({ reason }),
    response: factorsReset,
    successStatus: 202,
    failures: resetting,
    handle: (ops, request) => resetFactors(ops, request),
  }),
];
