import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import type { BatchForm } from "./batches/batch-form.ts";
import { createContentForm, createEmbedForm } from "./batches/content-batch-form.ts";
import { toContentBatch } from "./batches/content-batch-object.ts";
import { readTags, tagHeaders } from "./call/read-tags.ts";
import type { Place } from "./call-routes.ts";
import { pageQuery } from "./model-lists.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json, raw } = routesFor<AiGatewayOps>();

/** Google takes 20 MB. */
const bodyLimitBytes = 33_554_432;

export const contentBatch = z.looseObject({
  name: z.string().describe("`batches/` and its id."),
  metadata: z.looseObject({ state: z.string(), model: z.string(), displayName: z.string() }),
  done: z.boolean().optional(),
});
function batchOf<T extends z.ZodType>(request: T, example: object) {
  const item = z.strictObject({
    request,
    metadata: z.looseObject({}).optional().describe("Comes back with the answer."),
  });
  const requests = z.array(item).meta({ examples: [[{ request: example, metadata: { key: "one" } }]] });
  return z.strictObject({
    batch: z.strictObject({
      displayName: z.string().optional().describe("What its owner calls it; at most 128 characters."),
      inputConfig: z.strictObject({ requests: z.strictObject({ requests }) }),
    }),
  });
}
const askedBatch = batchOf(z.looseObject({}).describe("The body of `generateContent`."), {
  contents: [{ parts: [{ text: "Hello" }] }],
});
const askedEmbeddings = batchOf(z.looseObject({}).describe("The body of `embedContent`."), {
  content: { parts: [{ text: "Hello" }] },
});
const params = z.strictObject({ id: z.string().max(100) });
const query = pageQuery.pick({ key: true });
const empty = z.strictObject({});

/** What is asked of Google's batches where they share a path with OpenAI's. */
export const contentBatchPage = pageQuery.pick({ key: true, pageSize: true, pageToken: true });
export const contentBatchList = z.strictObject({
  operations: z.array(contentBatch),
  nextPageToken: z.string().optional(),
});

/** The caller's own, the newest first, as they were last seen. */
export async function listContentBatches(
  ops: AiGatewayOps,
  caller: Caller,
  { pageSize: limit = 50, pageToken: after }: z.output<typeof contentBatchPage>,
) {
  const { batches, hasMore } = await ops.listBatches({ caller, dialect: "gemini", limit, after });
  const last = batches.at(-1)?.batchId;
  return { operations: batches.map(toContentBatch), ...(hasMore && last !== undefined && { nextPageToken: last }) };
}

function nameOf(request: { readonly caller: Caller | undefined; readonly params: { readonly id: string } }) {
  return { caller: requireCaller(request), batchId: request.params.id, dialect: "gemini" as const };
}

/** Many answers at once, in Google's dialect. Where batches are shown, each place has routes of its own, or OpenAI's that tell who asks. */
export function contentBatchRoutes({ prefix, suffix, dialect }: Place) {
  return [...createRoutes({ prefix, suffix, dialect }), ...changeRoutes({ prefix, suffix, dialect })];
}

function createRoutes(place: Place) {
  return [
    createRoute(place, "batchGenerateContent", {
      summary: "Has requests answered within a day. The most that they may cost is set aside at once.",
      ...{ body: askedBatch, toForm: createContentForm },
    }),
    createRoute(place, "asyncBatchEmbedContent", {
      summary: "Has texts embedded within a day. The most that they may cost is set aside at once.",
      ...{ body: askedEmbeddings, toForm: createEmbedForm },
    }),
  ];
}

interface Asked {
  readonly summary: string;
  readonly body: typeof askedBatch | typeof askedEmbeddings;
  toForm(model: string): BatchForm;
}

function createRoute({ prefix, suffix, dialect }: Place, verb: string, { summary, body: asking, toForm }: Asked) {
  return raw({
    ...dialect,
    ...{ method: "POST", path: `${prefix}/models/{model}:${verb}`, permission: "model:call" },
    ...{ priority: "background", bodyLimitBytes, takesIdempotencyKey: true },
    operation: `${verb}${suffix}`,
    summary,
    headers: tagHeaders,
    body: asking,
    response: contentBatch,
    async handle(ops, exchange) {
      const { req, res, body, requestId, context, params: named } = exchange;
      const form = toForm(named["model"] ?? "");
      const { idempotencyKey } = context;
      const asked = { requestId, tags: readTags(req), body, idempotencyKey, form };
      const made = await ops.createInlineBatch({ caller: requireCaller(exchange), ...asked });
      const bytes = Buffer.from(JSON.stringify(toContentBatch(made)));
      const headers = { "content-type": "application/json; charset=utf-8", "content-length": bytes.length };
      res.writeHead(200, { ...headers, "cache-control": "no-store", "x-request-id": requestId }).end(bytes);
    },
  });
}

function changeRoutes({ prefix, suffix, dialect }: Place) {
  const path = `${prefix}/batches/{id}`;
  return [
    json({
      ...dialect,
      ...{ method: "POST", path: `${path}:cancel`, permission: "model:call", params, query },
      operation: `cancelContentBatch${suffix}`,
      summary:
        "Ends a batch of Google's form early: what was answered by then is charged, the rest of its money comes back.",
      response: empty,
      failures: [batchFailures.batch_not_found, batchFailures.batch_ended],
      async handle(ops, request) {
        await ops.cancelBatch(nameOf(request));
        return {};
      },
    }),
    json({
      ...dialect,
      ...{ method: "DELETE", path, permission: "model:call", params, query },
      operation: `removeContentBatch${suffix}`,
      summary: "Removes a batch of Google's form that has ended, with its answers.",
      response: empty,
      failures: [batchFailures.batch_not_found, batchFailures.batch_not_ended],
      async handle(ops, request) {
        await ops.removeBatch(nameOf(request));
        return {};
      },
    }),
  ];
}

/** Where nobody else's batches stand. */
export function contentBatchViews({ prefix, suffix, dialect }: Place) {
  return [
    json({
      ...dialect,
      ...{ method: "GET", path: `${prefix}/batches`, permission: "model:call" },
      operation: `listContentBatches${suffix}`,
      summary: "The caller's own batches in Google's form, the newest first, as they were last seen, without answers.",
      query: contentBatchPage,
      response: contentBatchList,
      handle: (ops, request) => listContentBatches(ops, requireCaller(request), request.query),
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: `${prefix}/batches/{id}`, permission: "model:call", params, query },
      operation: `getContentBatch${suffix}`,
      summary: "A batch as it stands at its provider, with its answers once it has ended. Asking costs nothing.",
      response: contentBatch,
      failures: [batchFailures.batch_not_found],
      handle(ops, request) {
        const { requestId, locale } = request;
        return ops.showContentBatch({ caller: requireCaller(request), batchId: request.params.id, requestId, locale });
      },
    }),
  ];
}
