import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { shownPurposes } from "./batches/file-purpose.ts";
import { toFileObject } from "./batches/files.ts";
import type { Place } from "./call-routes.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json, raw } = routesFor<AiGatewayOps>();

/** Above what can be configured: the operation keeps to `aiGateway.batches.maxFileBytes`. */
const bodyLimitBytes = 1_073_741_824 + 65_536;

const file = z.strictObject({
  id: z.string(),
  object: z.literal("file"),
  bytes: z.number(),
  created_at: z.number(),
  filename: z.string(),
  purpose: z.enum(shownPurposes),
  status: z.literal("processed"),
  expires_at: z.number().optional().describe("Of a file that is kept here: when it is removed."),
});
const upload = z.strictObject({
  purpose: z
    .enum(["batch", "fine-tune"])
    .describe("`fine-tune` for examples: they are kept here until a job of `/v1/fine_tuning/jobs` is made of them."),
  file: z.string().meta({ format: "binary", examples: ["…"] }),
});
const params = z.strictObject({ id: z.string().max(100) });
const failures = [batchFailures.file_not_found];

/** Files of requests for batches, of their answers, and of examples for fine-tuning, in OpenAI's dialect. */
export function fileRoutes({ prefix, suffix, dialect }: Place) {
  const path = `${prefix}/files/{id}`;
  return [
    raw({
      ...dialect,
      method: "POST",
      path: `${prefix}/files`,
      permission: "model:call",
      priority: "background",
      operation: `uploadFile${suffix}`,
      summary:
        "Takes a file of requests for a batch, a JSON object in each line, all of one model; or one of examples for fine-tuning.",
      bodyLimitBytes,
      streamsBody: true,
      bodyType: "multipart/form-data",
      body: upload,
      response: file,
      async handle(ops, exchange) {
        const { res, requestId } = exchange;
        const bytes = Buffer.from(JSON.stringify(toFileObject(await ops.uploadFile(exchange))));
        const headers = { "content-type": "application/json", "content-length": bytes.length };
        res.writeHead(200, { ...headers, "cache-control": "no-store", "x-request-id": requestId }).end(bytes);
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: `${prefix}/files`, permission: "model:call" },
      operation: `listFiles${suffix}`,
      summary: "The caller's own files, the newest first unless asked otherwise.",
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
        order: z.enum(["asc", "desc"]).default("desc"),
        after: z.string().max(100).optional().describe("The id of the file before the first."),
        purpose: z.enum(shownPurposes).optional(),
      }),
      response: z.strictObject({
        object: z.literal("list"),
        data: z.array(file),
        first_id: z.string().nullable(),
        last_id: z.string().nullable(),
        has_more: z.boolean(),
      }),
      async handle(ops, request) {
        const { limit, order, after, purpose } = request.query;
        const { files, hasMore } = await ops.listFiles({
          ...{ caller: requireCaller(request), limit, order, after, purpose },
        });
        const data = files.map(toFileObject);
        const [first_id = null, last_id = null] = [data[0]?.id, data.at(-1)?.id];
        return { object: "list" as const, data, first_id, last_id, has_more: hasMore };
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path, params, failures, permission: "model:call", response: file },
      operation: `getFile${suffix}`,
      summary: "What is known of a file.",
      handle: async (ops, request) =>
        toFileObject(await ops.getFile({ caller: requireCaller(request), fileId: request.params.id })),
    }),
    json({
      ...dialect,
      ...{ method: "DELETE", path, params, failures, permission: "model:call" },
      operation: `removeFile${suffix}`,
      summary: "Removes a file, here at once and at its provider as soon as no batch needs it.",
      response: z.strictObject({ id: z.string(), object: z.literal("file"), deleted: z.literal(true) }),
      async handle(ops, request) {
        const { id } = request.params;
        await ops.removeFile({ caller: requireCaller(request), fileId: id });
        return { id, object: "file" as const, deleted: true as const };
      },
    }),
    raw({
      ...dialect,
      method: "GET",
      path: `${path}/content`,
      permission: "model:call",
      operation: `getFileContent${suffix}`,
      summary: "The content of a file: requests as they were uploaded, or answers, a JSON object in each line.",
      bodyLimitBytes: 0,
      files: ["application/octet-stream"],
      handle: (ops, exchange) => ops.sendFileContent(exchange),
    }),
  ];
}
