import { userAuditEvents } from "@lyss/contracts/events/user.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { eventEnvelope, toEnvelope } from "@lyss/kit/event-sourcing/envelope.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import {
  accessTokenBody,
  sessionTokensBody,
  toAccessTokenBody,
  toSessionTokensBody,
} from "@lyss/kit/oauth/token-body.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { accountPage } from "./account-page.ts";
import { accountRoutes } from "./account-routes.ts";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";
import { peopleRoutes } from "./people-routes.ts";
import { aboutPeopleRoutes } from "./profile-routes.ts";
import { registrationRoutes, tenantInvitationRoutes } from "./registration-routes.ts";
import { tokenRoutes } from "./token-routes.ts";

const { json } = routesFor<UserOps>();

const idParams = z.strictObject({ id: z.string().max(64) });
const auditTypes = userAuditEvents.map(({ type }) => type);

const refusals = [userFailures.invalid_credentials, userFailures.too_many_attempts];
const signInFailures = [...refusals, userFailures.factor_required];

const peopleAndTokens = withAlias(
  [
    json({
      method: "POST",
      path: "/api/v1/users/login",
      permission: "public",
      operation: "signIn",
      summary: "Signs in with e-mail address and password.",
      body: z.strictObject({ email: userFields.typedEmail, password: userFields.password }),
      response: sessionTokensBody,
      failures: [...signInFailures, authFailures.access_barred],
      handle: async (ops, { body, clientAddress, userAgent }) =>
        toSessionTokensBody(await ops.signIn({ ...body, clientAddress, userAgent })),
    }),
    ...tokenRoutes,
    ...registrationRoutes,
    ...accountRoutes,
    json({
      method: "POST",
      path: "/api/v1/auth/step-up/password",
      permission: "factor:manage",
      operation: "stepUpByPassword",
      summary:
        "Proves oneself again with the password, where there is no second factor: for ten minutes the session may do what asks for that.",
      body: z.strictObject({ password: userFields.password }),
      response: accessTokenBody,
      failures: [...refusals, factorFailures.factor_wanted],
      async handle(ops, request) {
        const { userId, tenantId, sessionId } = requireCaller(request);
        const { body, clientAddress } = request;
        return toAccessTokenBody(await ops.stepUpByPassword({ userId, tenantId, sessionId, clientAddress, ...body }));
      },
    }),
    ...peopleRoutes,
    ...aboutPeopleRoutes,
    json({
      method: "GET",
      path: "/api/v1/users/{id}/audit",
      permission: "user:read",
      operation: "listUserAudit",
      summary:
        "What was done by and to a person, newest first: one's own log, with user:audit everybody's in the tenant.",
      params: idParams,
      query: z.strictObject({
        ...pageQueryFields,
        type: z.array(z.enum(auditTypes)).max(auditTypes.length).optional().describe("Only these; may be repeated."),
        from: z.iso.datetime({ offset: true }).optional(),
        before: z.iso.datetime({ offset: true }).optional(),
      }),
      response: pageOf(eventEnvelope),
      failures: [userFailures.not_found],
      async handle(ops, request) {
        const { type: eventTypes, from, before, ...page } = request.query;
        const times = { fromMs: toMs(from), beforeMs: toMs(before) };
        const found = await ops.listUserAudit({ ...auditReferenceOf(request), ...page, ...times, eventTypes });
        return toPageBody(found, (row) => toEnvelope(row, userAuditEvents));
      },
    }),
    json({
      method: "GET",
      path: "/api/v1/users/{id}/audit:verify",
      permission: "user:read",
      operation: "verifyUserAudit",
      summary: "Whether nothing in a person's audit log was altered, removed or put in between.",
      params: idParams,
      response: z.strictObject({
        intact: z.boolean(),
        entries: z.int().describe("How many hold together, from the first one on."),
        broken_version: z.int().nullable().describe("The log is broken at this entry or right behind it."),
      }),
      failures: [userFailures.not_found],
      async handle(ops, request) {
        const { isIntact, entries, brokenVersion } = await ops.verifyUserAudit(auditReferenceOf(request));
        return { intact: isIntact, entries, broken_version: isIntact ? null : brokenVersion };
      },
    }),
  ],
  "/api/v1",
  "/v1",
);

/** How people sign in and see each other, under `/api/v1` and under `/v1`, and the page for links in mails. */
export const userRoutes = [...peopleAndTokens, ...tenantInvitationRoutes, accountPage];

/** Whose log the caller wants to read. */
function auditReferenceOf(request: { readonly caller: Caller | undefined; readonly params: { readonly id: string } }) {
  const { tenantId, userId, permissions } = requireCaller(request);
  const { id } = request.params;
  return { userId: id === "me" ? userId : id, tenantId, reader: { userId, permissions } };
}

function toMs(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time);
}
