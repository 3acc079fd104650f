import { userFailures } from "@lyss/contracts/failures/user.ts";
import { FileAnswer } from "@lyss/kit/http/file-answer.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { ExportProgress } from "./exports/export-model.ts";
import type { UserOps } from "./ops.ts";
import { referenceOf } from "./people-routes.ts";

const { json } = routesFor<UserOps>();

const params = z.strictObject({ id: z.string().max(64).describe("'me' is the one who asks.") });
const exportBody = z.strictObject({
  object: z.literal("user.export"),
  id: z.string(),
  user_id: z.string(),
  state: z.enum(["running", "ready"]),
  requested_by: z.string().describe("Who asked for it; empty for the platform itself."),
  requested_at: z.iso.datetime(),
  completed_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().describe("Until then it can be downloaded; a week after it was asked for."),
  download_url: z.string().nullable().describe("Where the document is, once it is ready."),
  parts: z.array(z.strictObject({ service: z.string(), exported_at: z.iso.datetime().nullable() })),
});
const failures = [userFailures.not_found, userFailures.role_above_own];

/** Everything that is kept of a person: asking for it, and getting it. */
export const exportRoutes = [
  json({
    method: "POST",
    path: "/api/v1/users/{id}/export",
    permission: "user:read",
    operation: "requestExport",
    stepUp: "with_factors",
    summary:
      "Asks every service for what it keeps of oneself, with user:export of others; within an hour, the same is given again.",
    params,
    response: exportBody,
    successStatus: 202,
    failures,
    handle: async (ops, request) =>
      toExportBody(await ops.requestExport({ ...referenceOf(request), clientAddress: request.clientAddress })),
  }),
  json({
    method: "GET",
    path: "/api/v1/users/{id}/export",
    permission: "user:read",
    operation: "getExport",
    summary: "How far the export of a person is, in each service.",
    params,
    response: exportBody,
    failures: [...failures, userFailures.export_not_found],
    handle: async (ops, request) => toExportBody(await ops.getExport(referenceOf(request))),
  }),
  json({
    method: "GET",
    path: "/api/v1/users/{id}/export/download",
    permission: "user:read",
    operation: "downloadExport",
    stepUp: "with_factors",
    summary: "The export as one JSON document, for saving: what each service keeps of the person, never a secret.",
    params,
    response: z.strictObject({
      object: z.literal("user.export.document"),
      id: z.string(),
      user_id: z.string(),
      tenant_id: z.string(),
      requested_at: z.iso.datetime(),
      completed_at: z.iso.datetime(),
      services: z
        .record(z.string(), z.looseObject({ truncated: z.array(z.string()).optional() }))
        .describe(
          "By service, the sections of what it keeps; 'truncated' names those of which the newest 10,000 rows are here.",
        ),
    }),
    failures: [...failures, userFailures.export_not_found, userFailures.export_not_ready],
    async handle(ops, request) {
      const { clientAddress } = request;
      const { userId, bytes } = await ops.downloadExport({ ...referenceOf(request), clientAddress });
      return new FileAnswer("application/json", `lyss-export-${userId}.json`, bytes);
    },
  }),
];

function toExportBody(row: ExportProgress): z.input<typeof exportBody> {
  const { completedAt, userId } = row;
  return {
    ...{ object: "user.export", id: row.exportId, user_id: userId, state: completedAt ? "ready" : "running" },
    ...{ requested_by: row.requestedBy, requested_at: row.requestedAt.toISOString() },
    ...{ completed_at: completedAt?.toISOString() ?? null, expires_at: row.expiresAt.toISOString() },
    download_url: completedAt ? `/api/v1/users/${userId}/export/download` : null,
    parts: row.parts.map(({ service, exportedAt }) => ({ service, exported_at: exportedAt?.toISOString() ?? null })),
  };
}
