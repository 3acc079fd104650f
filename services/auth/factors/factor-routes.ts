import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type JsonRequest, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AuthOps } from "../ops.ts";
import { type Factor, factorFields } from "./factor-model.ts";
import type { AddedFactor } from "./note-added.ts";

const { json } = routesFor<AuthOps>();

const params = z.strictObject({ id: z.string().max(64) });
const time = z.iso.datetime();

const factor = z.strictObject({
  object: z.literal("factor"),
  id: z.string(),
  kind: z.enum(["totp", "passkey"]),
  name: z.string(),
  is_synced: z.boolean().describe("A passkey that its maker keeps on several devices."),
  created_at: time,
  last_used_at: time.nullable(),
});
const recoveryCodes = z.array(z.string()).describe("Each stands in for a factor once. Shown in this answer only.");
const addedFactor = factor.extend({ recovery_codes: recoveryCodes });
/** For `navigator.credentials`, which knows its own fields. */
const options = z.looseObject({ challenge: z.string() });
const endOtherSessions = z
  .boolean()
  .default(false)
  .describe("Whether to end the person's other sessions, which know nothing of this change.");
const accountName = factorFields.accountName
  .optional()
  .describe("How the app or device lists the account; its id when left out.");

/** How people manage what they prove themselves with besides a password. Each stands under `/api/v1` and under `/v1`. */
export const factorRoutes = withAlias(
  [
    json({
      method: "GET",
      path: "/api/v1/auth/factors",
      permission: "factor:manage",
      operation: "listFactors",
      summary: "The caller's second factors, oldest first; 22 at most.",
      response: z.strictObject({
        object: z.literal("list"),
        data: z.array(factor),
        next_cursor: z.null(),
        recovery_codes_left: z.int(),
      }),
      async handle(ops, request) {
        const { factors, recoveryCodesLeft } = await ops.listFactors(requireCaller(request));
        const data = factors.map(toBody);
        return { object: "list" as const, data, next_cursor: null, recovery_codes_left: recoveryCodesLeft };
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/factors/totp",
      permission: "factor:manage",
      stepUp: "persons",
      operation: "enrolTotp",
      summary:
        "Begins with an authenticator app (RFC 6238): it counts once a code of it was confirmed, within 15 minutes.",
      body: z
        .strictObject({ name: factorFields.name.default("Authenticator app"), account_name: accountName })
        .prefault({}),
      response: z.strictObject({
        id: z.string(),
        secret: z.string().describe("base32, to be typed in. Shown in this answer only."),
        uri: z.string().describe("otpauth://…, to be shown as a QR code."),
        expires_at: time,
      }),
      successStatus: 201,
      failures: [factorFailures.too_many_factors],
      async handle(ops, request) {
        const { tenantId, userId } = requireCaller(request);
        const { name, account_name = userId } = request.body;
        const enrolled = await ops.enrolTotp({ tenantId, userId, name, accountName: account_name });
        const { factorId, secret, uri, expiresAt } = enrolled;
        return { id: factorId, secret: secret.reveal(), uri: uri.reveal(), expires_at: expiresAt.toISOString() };
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/factors/totp/{id}/confirm",
      permission: "factor:manage",
      stepUp: "persons",
      operation: "confirmTotp",
      summary: "An authenticator app counts from now on. With the first factor come ten recovery codes.",
      params,
      body: z.strictObject({ code: factorFields.totpCode, end_other_sessions: endOtherSessions }),
      response: addedFactor,
      failures: [factorFailures.factor_not_found, factorFailures.code_refused, factorFailures.codes_locked],
      async handle(ops, request) {
        const { code, end_other_sessions } = request.body;
        const input = { ...actorOf(request), factorId: request.params.id, code };
        return toAddedBody(await ops.confirmTotp({ ...input, endOtherSessions: end_other_sessions }));
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/factors/passkeys/options",
      permission: "factor:manage",
      stepUp: "persons",
      operation: "startPasskey",
      summary: "What navigator.credentials.create needs for a new passkey; good for five minutes.",
      body: z.strictObject({ account_name: accountName }).prefault({}),
      response: options,
      failures: [factorFailures.too_many_factors],
      async handle(ops, request) {
        const { tenantId, userId } = requireCaller(request);
        const { account_name = userId } = request.body;
        return { ...(await ops.startPasskey({ tenantId, userId, accountName: account_name })) };
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/factors/passkeys",
      permission: "factor:manage",
      stepUp: "persons",
      operation: "addPasskey",
      summary: "A passkey counts from now on. With the first factor come ten recovery codes.",
      body: z.strictObject({
        name: factorFields.name.default("Passkey"),
        response: factorFields.registration.describe("PublicKeyCredential.toJSON() of what the browser gave."),
        end_other_sessions: endOtherSessions,
      }),
      response: addedFactor,
      successStatus: 201,
      failures: [factorFailures.passkey_refused, factorFailures.passkey_known, factorFailures.too_many_factors],
      async handle(ops, request) {
        const { name, response, end_other_sessions } = request.body;
        const input = { ...actorOf(request), name, response, endOtherSessions: end_other_sessions };
        return toAddedBody(await ops.addPasskey(input));
      },
    }),
    json({
      method: "PATCH",
      path: "/api/v1/auth/factors/{id}",
      permission: "factor:manage",
      operation: "renameFactor",
      summary: "Gives a factor another name.",
      params,
      body: z.strictObject({ name: factorFields.name }),
      response: factor,
      failures: [factorFailures.factor_not_found],
      async handle(ops, request) {
        const { tenantId, userId } = requireCaller(request);
        const { name } = request.body;
        return toBody(await ops.renameFactor({ tenantId, userId, factorId: request.params.id, name }));
      },
    }),
    json({
      method: "DELETE",
      path: "/api/v1/auth/factors/{id}",
      permission: "factor:manage",
      stepUp: "persons",
      operation: "removeFactor",
      summary: "A factor opens nothing any more. With the last one the recovery codes go.",
      params,
      query: z.strictObject({
        end_other_sessions: z.stringbool().default(false).describe("Whether to end the person's other sessions."),
      }),
      response: factor,
      failures: [factorFailures.factor_not_found],
      async handle(ops, request) {
        const { end_other_sessions } = request.query;
        const input = { ...actorOf(request), factorId: request.params.id, endOtherSessions: end_other_sessions };
        return toBody(await ops.removeFactor(input));
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/factors/recovery-codes",
      permission: "factor:manage",
      stepUp: "persons",
      operation: "renewRecoveryCodes",
      summary: "Gives ten new recovery codes; those before are void.",
      response: z.strictObject({ recovery_codes: recoveryCodes }),
      failures: [factorFailures.factor_missing],
      async handle(ops, request) {
        const codes = await ops.renewRecoveryCodes(actorOf(request));
        return { recovery_codes: codes.map((code) => code.reveal()) };
      },
    }),
  ],
  "/api/v1",
  "/v1",
);

/** Who changes their own factors, and from where. */
function actorOf(request: Pick<JsonRequest<unknown, unknown, unknown>, "caller" | "clientAddress">) {
  const { tenantId, userId, sessionId } = requireCaller(request);
  return { tenantId, userId, sessionId, clientAddress: request.clientAddress };
}

function toBody(row: Factor): z.input<typeof factor> {
  return {
    object: "factor",
    id: row.factorId,
    kind: row.kind,
    name: row.name,
    is_synced: row.isSynced,
    created_at: row.createdAt.toISOString(),
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
  };
}

function toAddedBody({ factor: row, recoveryCodes: codes }: AddedFactor): z.input<typeof addedFactor> {
  return { ...toBody(row), recovery_codes: codes.map((code) => code.reveal()) };
}
