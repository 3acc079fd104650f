import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { parseTags, type TagsText, tagsHeader, tagsRule } from "@lyss/contracts/usage/tags.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, currentContext } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { toBatchObject } from "./batches/batch-object.ts";
import { batchStatuses } from "./batches/batch-row.ts";
import { endpointsOfBatches } from "./batches/files.ts";
import { refuseField } from "./call/refuse-field.ts";
import type { Place } from "./call-routes.ts";
import { contentBatch, contentBatchList, contentBatchPage, listContentBatches } from "./content-batch-routes.ts";
import { metadataPairs } from "./metadata-pairs.ts";
import { dialectHeaders, listDialectOf } from "./model-lists.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const time = z.number().nullable();
const batch = z.strictObject({
  id: z.string(),
  object: z.literal("batch"),
  endpoint: z.string(),
  model: z.string(),
  errors: z
    .strictObject({
      object: z.literal("list"),
      data: z.array(
        z.strictObject({
          code: z.string(),
          message: z.string(),
          param: z.string().nullable(),
          line: z.number().nullable(),
        }),
      ),
    })
    .nullable(),
  input_file_id: z.string(),
  completion_window: z.literal("24h"),
  status: z.enum(batchStatuses),
  output_file_id: z.string().nullable(),
  error_file_id: z.string().nullable(),
  created_at: z.number(),
  ...{ in_progress_at: time, expires_at: time, finalizing_at: time, completed_at: time },
  ...{ failed_at: time, expired_at: time, cancelling_at: time, cancelled_at: time },
  request_counts: z.strictObject({ total: z.number(), completed: z.number(), failed: z.number() }),
  metadata: z.record(z.string(), z.string()).nullable(),
});
const batchList = z.strictObject({
  object: z.literal("list"),
  data: z.array(batch),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});
const params = z.strictObject({ id: z.string().max(100) });
const failures = [batchFailures.batch_not_found];
const maxPairs = 16;

/** Many requests at once, in OpenAI's dialect. */
export function batchRoutes({ prefix, suffix, dialect }: Place) {
  const path = `${prefix}/batches/{id}`;
  return [
    json({
      ...dialect,
      ...{ method: "POST", path: `${prefix}/batches`, permission: "model:call", priority: "background" },
      operation: `createBatch${suffix}`,
      summary: "Has the requests of a file answered within a day. The most that they may cost is set aside at once.",
      takesIdempotencyKey: true,
      reads: [tagsHeader],
      body: z.strictObject({
        input_file_id: z.string().max(100).describe("A file of purpose `batch`."),
        endpoint: z.enum(endpointsOfBatches).describe("The `url` of its requests."),
        completion_window: z.literal("24h"),
        metadata: metadataPairs(maxPairs)
          .nullish()
          .meta({ examples: [{ job: "nightly" }] }),
      }),
      response: batch,
      failures: [
        batchFailures.file_not_found,
        batchFailures.batch_account_gone,
        batchFailures.too_many_batches,
        billingFailures.insufficient_balance,
        billingFailures.budget_exceeded,
      ],
      async handle(ops, request) {
        const { input_file_id: inputFileId, endpoint, metadata = null } = request.body;
        const { requestId } = request;
        const tags = tagsOf(request.headers[tagsHeader]);
        const asked = { tags, inputFileId, endpoint, metadata, idempotencyKey: currentContext()?.idempotencyKey };
        return toBatchObject(await ops.createBatch({ caller: requireCaller(request), requestId, ...asked }));
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: `${prefix}/batches`, permission: "model:call" },
      operation: `listBatches${suffix}`,
      summary: "The caller's own batches, the newest first, as they were last seen, in the form of the SDK that asks.",
      reads: dialectHeaders,
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        after: z.string().max(100).optional().describe("The id of the batch before the first."),
        ...contentBatchPage.shape,
      }),
      response: z.union([batchList, contentBatchList]),
      async handle(ops, request) {
        if (isGoogle(request)) return listContentBatches(ops, requireCaller(request), request.query);
        const { limit, after } = request.query;
        const { batches, hasMore } = await ops.listBatches({
          ...{ caller: requireCaller(request), dialect: "openai", limit, after },
        });
        const data = batches.map(toBatchObject);
        const [first_id = null, last_id = null] = [data[0]?.id, data.at(-1)?.id];
        return { object: "list" as const, data, first_id, last_id, has_more: hasMore };
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path, params, failures, permission: "model:call" },
      operation: `getBatch${suffix}`,
      summary: "A batch as it stands at its provider, in the form of the SDK that asks. Asking costs nothing.",
      reads: dialectHeaders,
      query: contentBatchPage.pick({ key: true }),
      response: z.union([batch, contentBatch]),
      async handle(ops, request) {
        const { requestId, locale } = request;
        if (isGoogle(request)) return ops.showContentBatch({ ...nameOf(request), requestId, locale });
        return toBatchObject(await ops.getBatch(nameOf(request)));
      },
    }),
    json({
      ...dialect,
      ...{ method: "POST", path: `${path}/cancel`, params, permission: "model:call", response: batch },
      operation: `cancelBatch${suffix}`,
      summary: "Ends a batch early: what was answered by then is charged, the rest of its money comes back.",
      failures: [...failures, batchFailures.batch_ended],
      handle: async (ops, request) => toBatchObject(await ops.cancelBatch(nameOf(request))),
    }),
  ];
}

/** Google's SDKs ask for their batches at the same path. */
function isGoogle({ headers }: { readonly headers: Readonly<Record<string, string>> }): boolean {
  return listDialectOf(headers) === "google";
}

function nameOf(request: { readonly caller: Caller | undefined; readonly params: { readonly id: string } }) {
  return { caller: requireCaller(request), batchId: request.params.id, dialect: "openai" as const };
}

function tagsOf(said: string | undefined): TagsText {
  const tags = said === undefined ? "" : parseTags(said);
  if (tags !== undefined) return tags;
  throw refuseField(tagsHeader, `must be ${tagsRule.en_US}`, `必须是${tagsRule.zh_CN}`);
}
