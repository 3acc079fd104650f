import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { createMessageForm } from "./batches/message-batch-form.ts";
import { toMessageBatch } from "./batches/message-batch-object.ts";
import { readTags, tagHeaders } from "./call/read-tags.ts";
import type { Place } from "./call-routes.ts";
import { betaHeaders, readBetas } from "./dialects/anthropic/read-betas.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json, raw } = routesFor<AiGatewayOps>();

const bodyLimitBytes = 33_554_432;

const time = z.iso.datetime().nullable();
const count = z.int();
const batch = z.strictObject({
  id: z.string(),
  type: z.literal("message_batch"),
  processing_status: z.enum(["in_progress", "canceling", "ended"]),
  request_counts: z.strictObject({
    processing: count,
    succeeded: count,
    errored: count,
    canceled: count,
    expired: count,
  }),
  ...{ created_at: z.iso.datetime(), expires_at: z.iso.datetime() },
  ...{ ended_at: time, cancel_initiated_at: time, archived_at: time },
  results_url: z
    .string()
    .nullable()
    .describe("Where its results are, below the address that was asked; null until it has ended."),
});
const askedBatch = z.strictObject({
  requests: z
    .array(
      z.strictObject({
        custom_id: z.string().describe("1 to 64 of A-Z, a-z, 0-9, `_` and `-`."),
        params: z.looseObject({}).describe("The body of `POST /v1/messages`, without `stream`."),
      }),
    )
    .meta({
      examples: [
        [
          {
            custom_id: "one",
            params: { model: "claude-haiku-4-5", max_tokens: 50, messages: [{ role: "user", content: "Hello" }] },
          },
        ],
      ],
    }),
});
const params = z.strictObject({ id: z.string().max(100) });
const id = z.string().max(100).optional();
const failures = [batchFailures.batch_not_found];

function nameOf(request: { readonly caller: Caller | undefined; readonly params: { readonly id: string } }) {
  return { caller: requireCaller(request), batchId: request.params.id, dialect: "anthropic" as const };
}

/** Many messages at once, in Anthropic's dialect. */
export function messageBatchRoutes({ prefix, suffix, dialect }: Place) {
  const path = `${prefix}/messages/batches`;
  return [
    raw({
      ...dialect,
      ...{ method: "POST", path, permission: "model:call", priority: "background", bodyLimitBytes },
      takesIdempotencyKey: true,
      operation: `createMessageBatch${suffix}`,
      summary: "Has messages answered within a day. The most that they may cost is set aside at once.",
      headers: { ...tagHeaders, ...betaHeaders },
      body: askedBatch,
      response: batch,
      async handle(ops, exchange) {
        const { req, res, body, requestId, context } = exchange;
        const form = createMessageForm(readBetas(req, ops.allowedBetas()));
        const { idempotencyKey } = context;
        const asked = { requestId, tags: readTags(req), body, idempotencyKey, form };
        const made = await ops.createInlineBatch({ caller: requireCaller(exchange), ...asked });
        const bytes = Buffer.from(JSON.stringify(toMessageBatch(made, prefix)));
        const headers = { "content-type": "application/json", "content-length": bytes.length };
        res.writeHead(200, {
          ...headers,
          "cache-control": "no-store",
          "x-request-id": requestId,
          "request-id": requestId,
        });
        res.end(bytes);
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path, permission: "model:call" },
      operation: `listMessageBatches${suffix}`,
      summary: "The caller's own batches of messages, the newest first, as they were last seen.",
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(1_000).default(20),
        after_id: id.describe("The id of the batch before the page."),
        before_id: id.describe("The id of the batch behind the page."),
      }),
      response: z.strictObject({
        ...{ data: z.array(batch), has_more: z.boolean() },
        ...{ first_id: z.string().nullable(), last_id: z.string().nullable() },
      }),
      async handle(ops, request) {
        const { limit, after_id: after, before_id: before } = request.query;
        const page = { dialect: "anthropic", limit, after, before } as const;
        const { batches, hasMore } = await ops.listBatches({ caller: requireCaller(request), ...page });
        const data = batches.map((row) => toMessageBatch(row, prefix));
        return { data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: `${path}/{id}`, params, failures, permission: "model:call", response: batch },
      operation: `getMessageBatch${suffix}`,
      summary: "A batch of messages as it stands at its provider. Asking costs nothing.",
      handle: async (ops, request) => toMessageBatch(await ops.getBatch(nameOf(request)), prefix),
    }),
    json({
      ...dialect,
      ...{ method: "POST", path: `${path}/{id}/cancel`, params, permission: "model:call", response: batch },
      operation: `cancelMessageBatch${suffix}`,
      summary: "Ends a batch early: what was answered by then is charged, the rest of its money comes back.",
      failures: [...failures, batchFailures.batch_ended],
      handle: async (ops, request) => toMessageBatch(await ops.cancelBatch(nameOf(request)), prefix),
    }),
    json({
      ...dialect,
      ...{ method: "DELETE", path: `${path}/{id}`, params, permission: "model:call" },
      operation: `removeMessageBatch${suffix}`,
      summary: "Removes a batch that has ended, with its results.",
      response: z.strictObject({ id: z.string(), type: z.literal("message_batch_deleted") }),
      failures: [...failures, batchFailures.batch_not_ended],
      async handle(ops, request) {
        await ops.removeBatch(nameOf(request));
        return { id: request.params.id, type: "message_batch_deleted" as const };
      },
    }),
    raw({
      ...dialect,
      ...{ method: "GET", path: `${path}/{id}/results`, permission: "model:call", bodyLimitBytes: 0 },
      operation: `getMessageBatchResults${suffix}`,
      summary: "What came of each request of a batch that has ended, a JSON object in each line, in any order.",
      files: ["application/x-jsonl"],
      handle: (ops, exchange) => ops.sendMessageResults(exchange),
    }),
  ];
}
