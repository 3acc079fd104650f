import { setLastingHeader } from "@lyss/kit/http/failure-reply.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type Exchange, type RawRoute, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { cacheHeaders } from "./answer-cache/cache-wish.ts";
import { keepAliveHeaders } from "./call/keep-alive.ts";
import { tagHeaders } from "./call/read-tags.ts";
import { toAnthropicFailureReply } from "./dialects/anthropic/failure-reply.ts";
import { betaHeaders } from "./dialects/anthropic/read-betas.ts";
import { messageBatchRoutes } from "./message-batch-routes.ts";
import type { AiGatewayOps } from "./ops.ts";
import { promptField } from "./prompts/prompt.ts";
import { preferencesBody } from "./routing/preferences.ts";

const { raw } = routesFor<AiGatewayOps>();

const bodyLimitBytes = 33_554_432;

/** What decides; the fields that are understood beside these are in guides/surfaces.md, and any other is refused. */
const countedBody = z.looseObject({
  model: z.string().describe("A model of GET /v1/models."),
  messages: z.array(z.looseObject({ role: z.string() })).meta({ examples: [[{ role: "user", content: "Hello" }]] }),
  system: z.unknown().optional(),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
});
const messageBody = countedBody.extend({
  max_tokens: z.int().min(1).describe("The most tokens that the answer may have."),
  stream: z.boolean().optional().describe("True for server-sent events."),
  provider: preferencesBody,
  prompt: promptField,
});

/** Under `/v1` errors have Anthropic's shape, under the platform's prefix the platform's own. */
const places: readonly { prefix: string; suffix: string; dialect: Pick<RawRoute, "toFailureReply"> }[] = [
  { prefix: "/v1", suffix: "", dialect: { toFailureReply: toAnthropicFailureReply } },
  { prefix: "/api/v1/ai", suffix: "ApiV1Ai", dialect: {} },
];

/** Anthropic's SDKs look for the request's id under this name. */
function nameRequest({ res, requestId }: Exchange): void {
  setLastingHeader(res, "request-id", requestId);
}

/** Model calls in Anthropic's dialect. */
export const messagesRoutes = places.flatMap(({ prefix, suffix, dialect }) => [
  ...messageBatchRoutes({ prefix, suffix, dialect }),
  raw({
    ...dialect,
    method: "POST",
    path: `${prefix}/messages`,
    permission: "model:call",
    operation: `createMessage${suffix}`,
    summary: "Answers a conversation. Anthropic's dialect, for any model.",
    bodyLimitBytes,
    takesIdempotencyKey: true,
    headers: { ...tagHeaders, ...cacheHeaders, ...keepAliveHeaders, ...betaHeaders },
    body: messageBody,
    response: z.looseObject({ id: z.string(), type: z.literal("message"), model: z.string() }),
    async handle(ops, exchange) {
      nameRequest(exchange);
      await ops.createMessage(exchange);
    },
  }),
  raw({
    ...dialect,
    method: "POST",
    path: `${prefix}/messages/count_tokens`,
    permission: "model:list",
    operation: `countMessageTokens${suffix}`,
    summary: "How many tokens the input of a message is likely to take. Calls no model and costs nothing.",
    bodyLimitBytes,
    body: countedBody,
    response: z.strictObject({ input_tokens: z.int() }),
    async handle(ops, exchange) {
      nameRequest(exchange);
      const { res, body, requestId } = exchange;
      const count = await ops.countMessageTokens({ caller: requireCaller(exchange), body });
      const bytes = Buffer.from(JSON.stringify({ input_tokens: count }));
      res.writeHead(200, {
        "content-type": "application/json",
        "content-length": bytes.length,
        "cache-control": "no-store",
        "x-request-id": requestId,
      });
      res.end(bytes);
    },
  }),
]);
