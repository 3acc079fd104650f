import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AuthOps } from "./ops.ts";

const { json } = routesFor<AuthOps>();

const word = "[a-z][a-z0-9_-]{0,31}";
const one = z
  .string()
  .max(32)
  .regex(new RegExp(`^${word}$`), inBothLanguages("must be one word", "必须是一个单词"));
const scope = z.strictObject({
  type: z.enum(["platform", "tenant", "group", "own"]),
  id: z.string().max(64).optional().describe("Of the group; for 'group' alone."),
});

const asked = z
  .strictObject({
    permission: z
      .string()
      .max(80)
      .regex(
        new RegExp(`^${word}:${word}$`),
        inBothLanguages("must be resource:action", "必须是 resource:action 的形式"),
      )
      .optional(),
    resource: one.optional(),
    action: one.optional(),
    scope: scope.optional().describe("The tenant unless given; for platform: permissions the platform."),
    explain: z.boolean().default(false).describe("Whether the answer says what decided."),
  })
  .superRefine(({ permission, resource, action, scope: wanted }, context) => {
    const isPair = resource !== undefined && action !== undefined;
    if ((permission !== undefined) === isPair || (resource === undefined) !== (action === undefined)) {
      const message = inBothLanguages(
        "must be given, or else both resource and action",
        "必须给出，或者同时给出 resource 和 action",
      );
      context.addIssue({ code: "custom", path: ["permission"], message });
    }
    if (wanted && (wanted.type === "group") !== (wanted.id !== undefined)) {
      const message = inBothLanguages(
        "must be given for a group, and for nothing else",
        "仅在 type 为 group 时必须给出",
      );
      context.addIssue({ code: "custom", path: ["scope", "id"], message });
    }
  });

const decision = z.strictObject({
  object: z.literal("permission_check"),
  user_id: z.string(),
  permission: z.string(),
  allowed: z.boolean(),
  decided_by: z
    .strictObject({
      source: z.enum(["role", "group_permission", "group_role", "self"]),
      name: z.string().describe("The role's name, or the id of the group whose members hold it."),
      permission: z.string(),
      scope: z.enum(["platform", "tenant", "group", "own"]),
    })
    .nullable()
    .optional()
    .describe("With 'explain': what decided; null for a refusal."),
  explanation: z.string().optional().describe("With 'explain': why, in the caller's language."),
});

/** What somebody is allowed, and why. */
export const accessRoutes = withAlias(
  [
    json({
      method: "POST",
      path: "/api/v1/users/{id}/check-permission",
      permission: "user:read",
      operation: "checkPermission",
      impersonation: "allowed",
      summary: "Whether a person may do something now: oneself ('me'), with user:check others of the tenant.",
      params: z.strictObject({ id: z.string().max(64) }),
      body: asked,
      response: decision,
      failures: [authFailures.person_not_found, authFailures.group_not_found],
      async handle(ops, request) {
        const { tenantId, userId: askerId, permissions } = requireCaller(request);
        const { permission = `${request.body.resource}:${request.body.action}`, explain } = request.body;
        const byName = permission.startsWith("platform:") ? "platform" : "tenant";
        const { type: kind = byName, id: groupId = "" } = request.body.scope ?? {};
        const userId = request.params.id === "me" ? askerId : request.params.id;
        const asker = { userId: askerId, permissions };
        const wanted = { tenantId, userId, asker, permission, scope: { kind, id: groupId } };
        const { isAllowed, grant, explanation } = await ops.checkPermission(wanted);
        const decided = grant && {
          ...{ source: grant.source.kind, name: grant.source.name },
          ...{ permission: grant.permission, scope: grant.scope.kind },
        };
        return {
          ...{ object: "permission_check" as const, user_id: userId, permission, allowed: isAllowed },
          ...(explain && { decided_by: decided ?? null, explanation: explanation[request.locale] }),
        };
      },
    }),
  ],
  "/api/v1",
  "/v1",
);
