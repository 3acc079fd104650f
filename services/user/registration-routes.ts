import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { sessionTokensBody, toSessionTokensBody } from "@lyss/kit/oauth/token-body.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { tokenField } from "./account-token.ts";
import type { Registration } from "./model.ts";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";

const { json } = routesFor<UserOps>();

const hourMs = 3_600_000;
const inviting = "user:invite";
const params = z.strictObject({ id: z.string().max(64) });
const tenantParams = z.strictObject({ tenant_id: z.string().max(64) });
const locale = z.enum(["en_US", "zh_CN"]).optional().describe("Language of mails; that of the request when left out.");
const newPassword = [userFailures.password_length, userFailures.password_common, userFailures.password_breached];
const completing = [
  ...[userFailures.token_invalid, userFailures.email_taken, userFailures.sign_on_required],
  ...[userFailures.factor_required, authFailures.access_barred],
];

const invitation = z.strictObject({
  object: z.literal("invitation"),
  id: z.string(),
  email: z.string(),
  role: userFields.role,
  invited_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
});

const newInvitation = z.strictObject({
  email: userFields.email,
  role: userFields.role
    .default("member")
    .describe("Built in, or the tenant's own; never one that holds more than one's own."),
  expires_in_hours: z.int().min(1).max(720).default(168),
  locale,
});
const refusals = [
  ...[userFailures.email_taken, userFailures.role_above_own, userFailures.role_unknown],
  ...[userFailures.too_many_invitations, userFailures.too_many_mails],
];

/** How people come in: by themselves, or because somebody invited them. */
export const registrationRoutes = [
  json({
    method: "POST",
    path: "/api/v1/users/register",
    permission: "public",
    operation: "register",
    summary:
      "Begins a registration; the link in a mail goes on with it. The answer is the same for every address. 'user.registration' says who may.",
    body: z.strictObject({
      email: userFields.email,
      password: userFields.password,
      name: userFields.name,
      organization: userFields.name
        .optional()
        .describe("What a tenant of one's own is called; unless the address is in a verified domain of another."),
      locale,
    }),
    response: z.strictObject({ object: z.literal("mail.requested") }),
    successStatus: 202,
    takesIdempotencyKey: true,
    failures: [userFailures.registration_closed, userFailures.too_many_mails, ...newPassword],
    async handle(ops, { body, clientAddress, locale: requested }) {
      const { organization = "", locale: wanted = requested } = body;
      await ops.register({ ...body, organization, locale: wanted, clientAddress });
      return { object: "mail.requested" as const };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/users/register/confirm",
    permission: "public",
    operation: "confirmRegistration",
    summary:
      "Completes a registration with the token of its mail, and signs in. A repeat within a minute gives the same tokens.",
    body: z.strictObject({ token: tokenField }),
    response: sessionTokensBody,
    successStatus: 201,
    failures: completing,
    handle: async (ops, { body, clientAddress, userAgent }) =>
      toSessionTokensBody(await ops.confirmRegistration({ ...body, clientAddress, userAgent })),
  }),
  json({
    method: "POST",
    path: "/api/v1/invitations",
    permission: inviting,
    operation: "createInvitation",
    summary: "Invites somebody to become a person of the tenant, by mail.",
    body: newInvitation,
    response: invitation,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: refusals,
    handle: async (ops, request) => toBody(await ops.createInvitation({ ...scopeOf(request), ...toAsked(request) })),
  }),
  json({
    method: "GET",
    path: "/api/v1/invitations",
    permission: inviting,
    operation: "listInvitations",
    summary: "Invitations that nobody has accepted yet, newest first.",
    query: z.strictObject(pageQueryFields),
    response: pageOf(invitation),
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      return toPageBody(await ops.listInvitations({ tenantId, ...request.query }), toBody);
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/invitations/{id}",
    permission: inviting,
    operation: "revokeInvitation",
    summary: "Takes an invitation back: its link is good no more.",
    params,
    response: z.strictObject({ object: z.literal("invitation"), id: z.string(), deleted: z.literal(true) }),
    failures: [userFailures.invitation_not_found, userFailures.role_above_own],
    async handle(ops, request) {
      const { id } = request.params;
      await ops.revokeInvitation({ ...scopeOf(request), invitationId: id });
      return { object: "invitation" as const, id, deleted: true as const };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/invitations/{id}/resend",
    permission: inviting,
    operation: "resendInvitation",
    summary: "Writes once more, with a new link; the old one is good no more.",
    params,
    response: invitation,
    failures: [userFailures.invitation_not_found, userFailures.role_above_own, userFailures.too_many_mails],
    async handle(ops, request) {
      const { clientAddress, params: names } = request;
      return toBody(await ops.resendInvitation({ ...scopeOf(request), invitationId: names.id, clientAddress }));
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/invitations/accept",
    permission: "public",
    operation: "acceptInvitation",
    summary:
      "Accepts an invitation with the token of its mail, and signs in. A repeat within a minute gives the same tokens.",
    body: z.strictObject({ token: tokenField, name: userFields.name, password: userFields.password, locale }),
    response: sessionTokensBody,
    successStatus: 201,
    failures: [...completing, ...newPassword],
    async handle(ops, { body, clientAddress, userAgent, locale: requested }) {
      const { locale: wanted = requested } = body;
      return toSessionTokensBody(await ops.acceptInvitation({ ...body, locale: wanted, clientAddress, userAgent }));
    },
  }),
];

/** How operators bring people into any tenant. */
export const tenantInvitationRoutes = [
  json({
    method: "POST",
    path: "/admin/tenants/{tenant_id}/invitations",
    permission: "platform:users",
    operation: "inviteToTenant",
    summary: "Invites somebody to any tenant, by mail: the first owner of one that was just created.",
    params: tenantParams,
    body: newInvitation,
    response: invitation,
    successStatus: 201,
    takesIdempotencyKey: true,
    failures: [tenantFailures.not_found, ...refusals],
    async handle(ops, request) {
      const { tenant_id: tenantId } = request.params;
      return toBody(await ops.createInvitation({ ...scopeOf(request), ...toAsked(request), tenantId }));
    },
  }),
  json({
    method: "GET",
    path: "/admin/tenants/{tenant_id}/invitations",
    permission: "platform:users",
    operation: "listInvitationsOfTenant",
    summary: "Invitations to any tenant that nobody has accepted yet, newest first.",
    params: tenantParams,
    query: z.strictObject(pageQueryFields),
    response: pageOf(invitation),
    async handle(ops, request) {
      const { tenant_id: tenantId } = request.params;
      return toPageBody(await ops.listInvitations({ tenantId, ...request.query }), toBody);
    },
  }),
];

function scopeOf(request: { readonly caller: Caller | undefined }) {
  const { tenantId, userId, keyId, permissions } = requireCaller(request);
  return { tenantId, actor: { userId, keyId, permissions } };
}

function toAsked(request: {
  readonly body: z.output<typeof newInvitation>;
  readonly clientAddress: string;
  readonly locale: Locale;
}) {
  const { email, role, expires_in_hours: hours, locale: wanted = request.locale } = request.body;
  return { email, role, lifeMs: hours * hourMs, locale: wanted, clientAddress: request.clientAddress };
}

function toBody(row: Registration): z.input<typeof invitation> {
  return {
    object: "invitation",
    id: row.registrationId,
    email: row.email,
    role: row.role,
    invited_by: row.invitedBy,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
  };
}
