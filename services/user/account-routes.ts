import { userFailures } from "@lyss/contracts/failures/user.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { tokenField } from "./account-token.ts";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";
import { requireSelf } from "./require-self.ts";

const { json } = routesFor<UserOps>();

const accepted = z.strictObject({ object: z.literal("mail.requested") });
const asked = { object: "mail.requested" } as const;
const params = z.strictObject({ id: z.string().max(64).describe("'me', or one's own id.") });
const newPassword = [userFailures.password_length, userFailures.password_common, userFailures.password_breached];
const knowing = [userFailures.wrong_password, userFailures.too_many_attempts];

/** What people do to their own accounts, and what links in mails lead to. */
export const accountRoutes = [
  json({
    method: "POST",
    path: "/api/v1/users/password-reset",
    permission: "public",
    operation: "requestPasswordReset",
    summary:
      "Writes to the address how to set a new password, if it is an active person's. The answer is the same for all.",
    body: z.strictObject({ email: userFields.typedEmail }),
    response: accepted,
    successStatus: 202,
    failures: [userFailures.too_many_mails],
    async handle(ops, { body, clientAddress }) {
      await ops.requestPasswordReset({ ...body, clientAddress });
      return asked;
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/users/password-reset/confirm",
    permission: "public",
    operation: "resetPassword",
    summary: "Sets a new password with the token of a mail, and ends every session of the person.",
    body: z.strictObject({ token: tokenField, password: userFields.password }),
    response: z.strictObject({ object: z.literal("password"), user_id: z.string() }),
    failures: [userFailures.token_invalid, ...newPassword],
    async handle(ops, { body, clientAddress }) {
      const { userId } = await ops.resetPassword({ ...body, clientAddress });
      return { object: "password" as const, user_id: userId };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/users/verify-email",
    permission: "public",
    operation: "confirmEmail",
    summary: "Confirms an e-mail address with the token of a mail; a new address counts from then on.",
    body: z.strictObject({ token: tokenField }),
    response: z.strictObject({ object: z.literal("email"), email: z.string() }),
    failures: [userFailures.token_invalid, userFailures.email_taken],
    async handle(ops, { body, clientAddress }) {
      const { email } = await ops.confirmEmail({ ...body, clientAddress });
      return { object: "email" as const, email };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/users/{id}/password",
    permission: "user:read",
    operation: "changePassword",
    stepUp: "with_factors",
    summary: "Replaces one's own password, and ends one's other sessions.",
    params,
    body: z.strictObject({ old_password: userFields.password, password: userFields.password }),
    response: z.strictObject({ object: z.literal("password"), user_id: z.string() }),
    failures: [...knowing, ...newPassword, userFailures.password_unchanged, userFailures.not_found],
    async handle(ops, request) {
      const { userId, sessionId } = requireSelf(request);
      const { old_password: oldPassword, password } = request.body;
      const { clientAddress } = request;
      await ops.changePassword({ userId, sessionId, oldPassword, password, clientAddress });
      return { object: "password" as const, user_id: userId };
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/users/{id}/email",
    permission: "user:read",
    operation: "changeEmail",
    stepUp: "with_factors",
    summary: "Writes to a new address of one's own how to confirm it, and to the old one that this was asked.",
    params,
    body: z.strictObject({ email: userFields.email, password: userFields.password }),
    response: accepted,
    successStatus: 202,
    failures: [...knowing, userFailures.too_many_mails, userFailures.not_found],
    async handle(ops, request) {
      const { userId } = requireSelf(request);
      const { clientAddress } = request;
      await ops.changeEmail({ userId, ...request.body, clientAddress });
      return asked;
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/users/{id}/email-verification",
    permission: "user:read",
    operation: "requestEmailVerification",
    summary: "Writes to one's own address how to confirm it.",
    params,
    response: accepted,
    successStatus: 202,
    failures: [userFailures.email_verified, userFailures.too_many_mails, userFailures.not_found],
    async handle(ops, request) {
      const { userId } = requireSelf(request);
      const { clientAddress } = request;
      await ops.requestEmailVerification({ userId, clientAddress });
      return asked;
    },
  }),
];
