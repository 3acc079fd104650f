import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";
import { toUserBody, userBody, wordsOf } from "./people-routes.ts";

const { json } = routesFor<UserOps>();

/** Who is in a tenant. */
export const memberRoutes = [
  json({
    method: "GET",
    path: "/api/v1/tenants/{id}/members",
    permission: "user:list",
    operation: "listTenantMembers",
    summary: "The people of the caller's own tenant ('me'), for operators of any, newest first.",
    params: z.strictObject({ id: z.string().max(64) }),
    query: z.strictObject({
      ...pageQueryFields,
      search: z.string().trim().max(100).optional().describe("Words that are each part of the name or the address."),
      role: userFields.role.optional(),
      status: userFields.status.optional(),
    }),
    response: pageOf(userBody),
    failures: [tenantFailures.not_found],
    async handle(ops, request) {
      const { tenantId: own, permissions } = requireCaller(request);
      const { search, ...query } = request.query;
      const tenantId = request.params.id === "me" ? own : request.params.id;
      const wanted = { ...query, tenantId, words: wordsOf(search), asker: { tenantId: own, permissions } };
      return toPageBody(await ops.listTenantMembers(wanted), toUserBody);
    },
  }),
];
