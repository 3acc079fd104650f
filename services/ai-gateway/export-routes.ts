import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import { pageOf, pageQueryFields, toPageBody } from "@lyss/kit/http/page.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type RoutePermission, routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import {
  type Export,
  type ExportProblem,
  exportNameSchema,
  exportReasons,
  exportSchema,
  exportStates,
} from "./exports/export.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const params = z.strictObject({ name: exportNameSchema });
const exportInput = z
  .strictObject({
    target: exportSchema.describe("Where records go, and how."),
    secret: z
      .string()
      .min(1)
      .max(4_096)
      .optional()
      .describe(
        "The secret access key, the password, or the value of the header. It is sealed and never shown; left out, the one that is known stays.",
      ),
  })
  .meta({
    examples: [
      {
        target: {
          ...{ kind: "s3", endpoint: "https://s3.eu-central-1.amazonaws.com", region: "eu-central-1" },
          ...{ bucket: "our-records", access_key_id: "AKIAIOSFODNN7EXAMPLE" },
        },
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
      },
    ],
  });
const problemBody = z.strictObject({
  reason: z.enum(exportReasons),
  status: z.int().nullable().describe("Of the answer, where there was one."),
  code: z.string().nullable().describe("By which the other side names what is wrong, such as `AccessDenied`."),
});
const exportBody = z.strictObject({
  object: z.literal("export"),
  name: z.string(),
  target: exportSchema,
  has_secret: z.boolean(),
  state: z
    .enum(exportStates)
    .describe("`failed`: the other side has said five times in a row that we are wrong; it waits for `:resume`."),
  problem: problemBody.nullable().describe("Why the last try did not succeed; it is tried again at `next_run_at`."),
  failures: z.int().describe("Tries without success in a row."),
  sent_records: z.int(),
  sent_batches: z.int(),
  rejected_records: z.int().describe("That the other side took in a batch and refused one by one."),
  last_sent_at: z.iso.datetime().nullable(),
  waiting_since: z.iso.datetime().nullable().describe("When the oldest record was recorded that is still to be sent."),
  next_run_at: z.iso.datetime(),
  version: z.int().describe("1, and one more for each change; the ETag."),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
const testBody = z.strictObject({
  object: z.literal("export_test"),
  ok: z.boolean(),
  problem: problemBody.nullable(),
  latency_ms: z.int(),
});

interface ExportPlace {
  readonly path: string;
  /** Added to the operations' names, which are unique. */
  readonly suffix: string;
  readonly whose: string;
  readonly permission: (verb: "read" | "update" | "delete") => RoutePermission;
  readonly tenantOf: (caller: Caller) => string;
}

const places: readonly ExportPlace[] = [
  {
    ...{ path: "/api/v1/ai/exports", suffix: "", whose: "of the tenant's calls" },
    permission: (verb) => `export:${verb}`,
    tenantOf: ({ tenantId }) => tenantId,
  },
  {
    ...{ path: "/admin/exports", suffix: "OfPlatform", whose: "of all tenants' calls" },
    permission: () => "platform:exports",
    tenantOf: () => "",
  },
];

const notFound = [recordFailures.export_not_found];

function readingRoutes({ path, suffix, whose, permission, tenantOf }: ExportPlace) {
  return [
    json({
      method: "GET",
      path,
      permission: permission("read"),
      operation: `listRecordExports${suffix}`,
      summary: `Where records ${whose} are sent, and how far that has come; by name.`,
      query: z.strictObject(pageQueryFields),
      response: pageOf(exportBody),
      handle: async (ops, request) =>
        toPageBody(
          await ops.listRecordExports({ tenantId: tenantOf(requireCaller(request)), ...request.query }),
          toBody,
        ),
    }),
    json({
      method: "GET",
      path: `${path}/{name}`,
      permission: permission("read"),
      operation: `getRecordExport${suffix}`,
      summary: `One export ${whose}.`,
      params,
      response: exportBody,
      versionOf: ({ version }) => version,
      failures: notFound,
      handle: async (ops, request) =>
        toBody(await ops.getRecordExport({ tenantId: tenantOf(requireCaller(request)), name: request.params.name })),
    }),
    json({
      method: "POST",
      path: `${path}/{name}:test`,
      permission: permission("update"),
      operation: `testRecordExport${suffix}`,
      summary: "Sends a record of a call that never was, and says whether it was taken.",
      params,
      response: testBody,
      failures: notFound,
      async handle(ops, request) {
        const { name } = request.params;
        const { problem, latencyMs } = await ops.testRecordExport({ tenantId: tenantOf(requireCaller(request)), name });
        const ok = problem === undefined;
        return { object: "export_test" as const, ok, problem: toProblem(problem ?? null), latency_ms: latencyMs };
      },
    }),
  ];
}

function changingRoutes({ path, suffix, whose, permission, tenantOf }: ExportPlace) {
  return [
    json({
      method: "PUT",
      path: `${path}/{name}`,
      permission: permission("update"),
      operation: `putRecordExport${suffix}`,
      summary: `Sends records ${whose}, from now on, to S3, an OTLP receiver or Kafka; or changes an export, which goes on from where it was.`,
      params,
      body: exportInput,
      response: exportBody,
      versionOf: ({ version }) => version,
      failures: [recordFailures.export_version_mismatch, recordFailures.too_many_exports],
      async handle(ops, { params: { name }, body, expectedVersion, ...request }) {
        const { target: spec, secret } = body;
        const tenantId = tenantOf(requireCaller(request));
        return toBody(await ops.putRecordExport({ tenantId, name, spec, secret, expectedVersion }));
      },
    }),
    json({
      method: "DELETE",
      path: `${path}/{name}`,
      permission: permission("delete"),
      operation: `removeRecordExport${suffix}`,
      summary: `Removes an export ${whose}: what was not sent by then is not.`,
      params,
      response: z.strictObject({ object: z.literal("export"), name: z.string(), deleted: z.literal(true) }),
      failures: notFound,
      async handle(ops, request) {
        const { name } = request.params;
        await ops.removeRecordExport({ tenantId: tenantOf(requireCaller(request)), name });
        return { object: "export" as const, name, deleted: true as const };
      },
    }),
    ...(["pause", "resume"] as const).map((verb) =>
      json({
        method: "POST",
        path: `${path}/{name}:${verb}`,
        permission: permission("update"),
        operation: `${verb}RecordExport${suffix}`,
        summary:
          verb === "pause"
            ? "Sends nothing until it is resumed; nothing is left out then."
            : "Goes on from where it was, also after a failure.",
        params,
        response: exportBody,
        failures: notFound,
        async handle(ops, request) {
          const named = { tenantId: tenantOf(requireCaller(request)), name: request.params.name };
          return toBody(await (verb === "pause" ? ops.pauseRecordExport(named) : ops.resumeRecordExport(named)));
        },
      }),
    ),
  ];
}

/** Where records of calls are sent. */
export const exportRoutes = places.flatMap((place) => [...readingRoutes(place), ...changingRoutes(place)]);

function toBody(it: Export): z.input<typeof exportBody> {
  return {
    ...{ object: "export", name: it.name, target: it.spec, has_secret: it.hasSecret, state: it.state },
    ...{ problem: toProblem(it.problem), failures: it.failures, sent_records: Number(it.sentRecords) },
    ...{ sent_batches: Number(it.sentBatches), rejected_records: Number(it.rejectedRecords) },
    ...{ last_sent_at: it.lastSentAt?.toISOString() ?? null, waiting_since: it.waitingSince?.toISOString() ?? null },
    ...{ next_run_at: it.nextRunAt.toISOString(), version: it.version },
    ...{ created_at: it.createdAt.toISOString(), updated_at: it.updatedAt.toISOString() },
  };
}

function toProblem(problem: ExportProblem | null): z.input<typeof problemBody> | null {
  return problem && { reason: problem.reason, status: problem.status ?? null, code: problem.code ?? null };
}
