import { videoFailures } from "@lyss/contracts/failures/ai-gateway-videos.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { readTags, tagHeaders } from "./call/read-tags.ts";
import { modelField, type Place } from "./call-routes.ts";
import type { AiGatewayOps } from "./ops.ts";
import { toVideoObject, videoStatuses } from "./videos/video-row.ts";

const { json, raw } = routesFor<AiGatewayOps>();

/** A reference picture may be this large, with its form around it. */
const bodyLimitBytes = 33_554_432;

const time = z.number().nullable();
const video = z.strictObject({
  id: z.string(),
  object: z.literal("video"),
  model: z.string(),
  status: z.enum(videoStatuses),
  progress: z.number().describe("Of a hundred."),
  ...{ created_at: z.number(), completed_at: time, expires_at: time },
  seconds: z.string(),
  size: z.string(),
  prompt: z.null().describe("Prompts are kept nowhere."),
  remixed_from_video_id: z.null(),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
});
const askedVideo = z.strictObject({
  model: modelField,
  prompt: z.string().describe("What is to be seen."),
  seconds: z.string().optional().describe("How long it is to be; 4 unless given."),
  size: z.string().optional().describe("Such as `1280x720`; `720x1280` unless given."),
  input_reference: z
    .string()
    .optional()
    .describe("A picture that it begins with: JPEG, PNG or WebP.")
    .meta({ format: "binary", examples: ["…"] }),
});
const params = z.strictObject({ id: z.string().max(100) });
const failures = [videoFailures.video_not_found];

/** Videos in OpenAI's dialect: a task at the provider, which is asked for until it has ended. */
export function videoRoutes({ prefix, suffix, dialect }: Place) {
  const path = `${prefix}/videos/{id}`;
  return [
    raw({
      ...dialect,
      ...{ method: "POST", path: `${prefix}/videos`, permission: "model:call", bodyLimitBytes },
      takesIdempotencyKey: true,
      operation: `createVideo${suffix}`,
      summary:
        "Has a video made, by a form or JSON. What its seconds cost is set aside at once, and charged once it is completed.",
      bodyType: "multipart/form-data",
      headers: tagHeaders,
      body: askedVideo,
      response: video,
      async handle(ops, exchange) {
        const { req, res, requestId, body, context } = exchange;
        const [tags, contentType = ""] = [readTags(req), req.headers["content-type"]];
        const { idempotencyKey } = context;
        const asked = { requestId, tags, body, contentType, idempotencyKey };
        const made = await ops.createVideo({ caller: requireCaller(exchange), ...asked });
        const bytes = Buffer.from(JSON.stringify(toVideoObject(made)));
        const headers = { "content-type": "application/json", "content-length": bytes.length };
        res.writeHead(200, { ...headers, "cache-control": "no-store", "x-request-id": requestId }).end(bytes);
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: `${prefix}/videos`, permission: "model:call" },
      operation: `listVideos${suffix}`,
      summary: "The caller's own videos, as they were last seen; the newest first unless asked otherwise.",
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        order: z.enum(["asc", "desc"]).default("desc"),
        after: z.string().max(100).optional().describe("The id of the video before the first."),
      }),
      response: z.strictObject({
        object: z.literal("list"),
        data: z.array(video),
        first_id: z.string().nullable(),
        last_id: z.string().nullable(),
        has_more: z.boolean(),
      }),
      async handle(ops, request) {
        const { limit, order, after } = request.query;
        const { videos, hasMore } = await ops.listVideos({ caller: requireCaller(request), limit, order, after });
        const data = videos.map(toVideoObject);
        const [first_id = null, last_id = null] = [data[0]?.id, data.at(-1)?.id];
        return { object: "list" as const, data, first_id, last_id, has_more: hasMore };
      },
    }),
    json({
      ...dialect,
      ...{ method: "GET", path, params, failures, permission: "model:call", response: video },
      operation: `getVideo${suffix}`,
      summary: "A video as it stands at its provider. Asking costs nothing.",
      handle: async (ops, request) =>
        toVideoObject(await ops.getVideo({ caller: requireCaller(request), videoId: request.params.id })),
    }),
    json({
      ...dialect,
      ...{ method: "DELETE", path, params, permission: "model:call" },
      operation: `removeVideo${suffix}`,
      summary: "Removes a video that has ended, at its provider too.",
      failures: [...failures, videoFailures.video_not_ready],
      response: z.strictObject({ id: z.string(), object: z.literal("video.deleted"), deleted: z.literal(true) }),
      async handle(ops, request) {
        const { id } = request.params;
        await ops.removeVideo({ caller: requireCaller(request), videoId: id });
        return { id, object: "video.deleted" as const, deleted: true as const };
      },
    }),
    raw({
      ...dialect,
      ...{ method: "GET", path: `${path}/content`, permission: "model:call", bodyLimitBytes: 0 },
      operation: `getVideoContent${suffix}`,
      summary:
        "The content of a video that is completed, or with `?variant=thumbnail` or `spritesheet` pictures of it.",
      files: ["video/mp4", "image/webp", "image/jpeg", "application/octet-stream"],
      handle: (ops, exchange) => ops.sendVideoContent(exchange),
    }),
  ];
}
