import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { backgroundFailures } from "@lyss/contracts/failures/ai-gateway-background.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type RawRoute, routesFor } from "@lyss/kit/http/route.ts";
import { StreamAnswer } from "@lyss/kit/http/stream-answer.ts";
import { z } from "zod";
import { keepAliveHeaders } from "./call/keep-alive.ts";
import { tagHeaders } from "./call/read-tags.ts";
import { refuseField } from "./call/refuse-field.ts";
import { toOpenAiFailureReply } from "./dialects/openai/failure-reply.ts";
import type { AiGatewayOps } from "./ops.ts";
import { promptField } from "./prompts/prompt.ts";
import { codeFor } from "./realtime/close-codes.ts";
import { toErrorEvent } from "./responses/error-event.ts";

const { json, raw } = routesFor<AiGatewayOps>();

const bodyLimitBytes = 33_554_432;

/** What decides; the fields that are understood beside these are in guides/surfaces.md, and any other is refused. */
const body = z.looseObject({
  model: z.string().describe("A model of GET /v1/models."),
  input: z.unknown().describe("A text, or a list of items."),
  max_output_tokens: z.int().min(1).optional(),
  stream: z.boolean().optional().describe("True for server-sent events."),
  background: z.boolean().optional().describe("True to be answered at once and ask for the response later."),
  store: z.boolean().optional().describe("True unless given: the response can be asked for again."),
  previous_response_id: z.string().optional(),
  prompt: promptField,
});
const response = z.looseObject({ id: z.string(), object: z.literal("response"), status: z.string() });
const params = z.strictObject({ id: z.string().max(100) });

/** Under `/v1` errors have OpenAI's shape, under the platform's prefix the platform's own. */
const places: readonly { prefix: string; suffix: string; dialect: Pick<RawRoute, "toFailureReply"> }[] = [
  { prefix: "/v1", suffix: "", dialect: { toFailureReply: toOpenAiFailureReply } },
  { prefix: "/api/v1/ai", suffix: "ApiV1Ai", dialect: {} },
];
type Place = (typeof places)[number];

function createRoute({ prefix, suffix, dialect }: Place) {
  return raw({
    ...dialect,
    method: "POST",
    path: `${prefix}/responses`,
    permission: "model:call",
    operation: `createResponse${suffix}`,
    summary: "Answers a conversation. OpenAI's Responses API, for any model.",
    bodyLimitBytes,
    takesIdempotencyKey: true,
    headers: { ...tagHeaders, ...keepAliveHeaders },
    body,
    response,
    handle: (ops, exchange) => ops.createResponse(exchange),
  });
}

/** What is counted and compacted; what is understood besides is a response's. */
const conversation = body.pick({ model: true, input: true, previous_response_id: true }).extend({
  instructions: z.string().nullish(),
});

function countRoute({ prefix, suffix, dialect }: Place) {
  return raw({
    ...dialect,
    ...{ method: "POST", path: `${prefix}/responses/input_tokens`, permission: "model:list", bodyLimitBytes },
    operation: `countResponseTokens${suffix}`,
    summary: "How many tokens the input of a response is likely to take. Calls no model and costs nothing.",
    body: conversation,
    response: z.strictObject({ object: z.literal("response.input_tokens"), input_tokens: z.int() }),
    async handle(ops, exchange) {
      const { res, body: asked, requestId } = exchange;
      const input_tokens = await ops.countResponseTokens({ caller: requireCaller(exchange), body: asked });
      const bytes = Buffer.from(JSON.stringify({ object: "response.input_tokens", input_tokens }));
      const headers = { "content-type": "application/json", "content-length": bytes.length };
      res.writeHead(200, { ...headers, "cache-control": "no-store", "x-request-id": requestId }).end(bytes);
    },
  });
}

function compactRoute({ prefix, suffix, dialect }: Place) {
  return raw({
    ...dialect,
    ...{ method: "POST", path: `${prefix}/responses/compact`, permission: "model:call", bodyLimitBytes },
    operation: `compactResponse${suffix}`,
    summary:
      "Tells a conversation in fewer tokens: as its provider does that, or in a summary for which the model is asked.",
    takesIdempotencyKey: true,
    headers: tagHeaders,
    body: conversation,
    response: z.looseObject({ id: z.string(), object: z.literal("response.compaction") }),
    handle: (ops, exchange) => ops.compactResponse(exchange),
  });
}

function connectionRoute({ prefix, suffix, dialect }: Place) {
  return raw({
    ...dialect,
    method: "GET",
    path: `${prefix}/responses`,
    permission: "model:call",
    operation: `openResponseConnection${suffix}`,
    summary:
      "Opens a connection for one response after the other: OpenAI's Responses API over a WebSocket. Each message `response.create` has the fields of POST; the events come back as messages.",
    bodyLimitBytes: 0,
    isWebSocket: true,
    toLastWords: (failure, { locale }) => ({ text: toErrorEvent(failure, locale), code: codeFor(failure) }),
    query: z.strictObject({}),
    headers: tagHeaders,
    handle: (ops, exchange) => ops.openResponseConnection(exchange),
  });
}

function storedRoutes({ prefix, suffix, dialect }: Place) {
  const failures = [aiGatewayFailures.response_not_found];
  const path = `${prefix}/responses/{id}`;
  return [
    json({
      ...dialect,
      ...{ method: "GET", path, params, response, permission: "model:call" },
      operation: `getResponse${suffix}`,
      summary:
        "A stored response, as it stands; or the stream of one that was streamed in the background, from where you wish. Asking costs nothing.",
      query: z.strictObject({
        stream: z.enum(["true", "false"]).default("false"),
        starting_after: z.coerce
          .number()
          .int()
          .min(0)
          .max(2_147_483_647)
          .optional()
          .describe("The `sequence_number` of the last event that is known. Only of a stream."),
        include_obfuscation: z.enum(["true", "false"]).optional().describe("Changes nothing: events have no padding."),
      }),
      files: ["text/event-stream"],
      mayStream: true,
      failures: [...failures, backgroundFailures.response_not_streamed],
      async handle(ops, request) {
        const { stream, starting_after: after } = request.query;
        const asked = { caller: requireCaller(request), responseId: request.params.id };
        if (stream === "true") {
          return new StreamAnswer(await ops.followResponse({ ...asked, startingAfter: after ?? -1 }));
        }
        if (after !== undefined)
          throw refuseField("starting_after", "is for 'stream=true' only", "仅适用于“stream=true”");
        return ops.getResponse(asked);
      },
    }),
    json({
      ...dialect,
      ...{ method: "DELETE", path, params, failures, permission: "model:call" },
      operation: `removeResponse${suffix}`,
      summary: "Removes a stored response; one that is under way is cancelled.",
      response: z.strictObject({ id: z.string(), object: z.literal("response"), deleted: z.literal(true) }),
      async handle(ops, request) {
        const { id } = request.params;
        await ops.removeResponse({ caller: requireCaller(request), responseId: id });
        return { id, object: "response" as const, deleted: true as const };
      },
    }),
    json({
      ...dialect,
      ...{ method: "POST", path: `${path}/cancel`, params, response, permission: "model:call" },
      operation: `cancelResponse${suffix}`,
      summary: "Ends a response in the background; one that has ended stays as it is.",
      failures: [...failures, aiGatewayFailures.response_not_background],
      handle: (ops, request) => ops.cancelResponse({ caller: requireCaller(request), responseId: request.params.id }),
    }),
    json({
      ...dialect,
      ...{ method: "GET", path: `${path}/input_items`, params, failures, permission: "model:call" },
      operation: `listInputItems${suffix}`,
      summary: "The items of the request that a stored response answers.",
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        order: z.enum(["asc", "desc"]).default("desc"),
        after: z.string().max(200).optional(),
      }),
      response: z.strictObject({
        object: z.literal("list"),
        data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
        first_id: z.string().nullable(),
        last_id: z.string().nullable(),
        has_more: z.boolean(),
      }),
      async handle(ops, request) {
        const { limit, order, after } = request.query;
        const asked = { caller: requireCaller(request), responseId: request.params.id, limit, order, after };
        const { items, hasMore } = await ops.listInputItems(asked);
        const data = items.map((item) => ({ ...item, id: String(item["id"]), type: String(item["type"]) }));
        const [first_id = null, last_id = null] = [data[0]?.id, data.at(-1)?.id];
        return { object: "list" as const, data, first_id, last_id, has_more: hasMore };
      },
    }),
  ];
}

/** Model calls as OpenAI's Responses API has them, and those that are stored. */
export const responsesRoutes = places.flatMap((place) => [
  createRoute(place),
  connectionRoute(place),
  countRoute(place),
  compactRoute(place),
  ...storedRoutes(place),
]);
