import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { type Exchange, type RawRoute, routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { cacheHeaders } from "./answer-cache/cache-wish.ts";
import { keepAliveHeaders } from "./call/keep-alive.ts";
import { tagHeaders } from "./call/read-tags.ts";
import { contentBatchRoutes, contentBatchViews } from "./content-batch-routes.ts";
import { toGeminiFailureReply } from "./dialects/gemini/failure-reply.ts";
import { googleList, googleModel, pageQuery, toGoogleList, toGoogleModel } from "./model-lists.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json, raw } = routesFor<AiGatewayOps>();

const bodyLimitBytes = 33_554_432;

/** What decides; the fields that are understood beside these are in guides/surfaces.md. */
const content = z.looseObject({ role: z.string().optional(), parts: z.array(z.looseObject({})) });
const contents = z.array(content).meta({ examples: [[{ role: "user", parts: [{ text: "Hello" }] }]] });
const contentBody = z.looseObject({
  contents,
  systemInstruction: z.looseObject({}).optional(),
  generationConfig: z.looseObject({}).optional(),
  tools: z.array(z.looseObject({})).optional(),
});
const contentResponse = z.looseObject({ candidates: z.array(z.looseObject({})).optional() });
const embedBody = z.looseObject({ content: z.looseObject({ parts: z.array(z.looseObject({ text: z.string() })) }) });
const vector = z.looseObject({ values: z.array(z.number()) });

/** Under `/v1beta` and `/v1` errors have Google's shape, under the platform's prefix the platform's own. */
const places: readonly { prefix: string; suffix: string; dialect: Pick<RawRoute, "toFailureReply"> }[] = [
  { prefix: "/v1beta", suffix: "", dialect: { toFailureReply: toGeminiFailureReply } },
  // Where Google's SDKs go that ask for what is no beta any more.
  { prefix: "/v1", suffix: "V1", dialect: { toFailureReply: toGeminiFailureReply } },
  { prefix: "/api/v1/ai", suffix: "ApiV1Ai", dialect: {} },
];
type Place = (typeof places)[number];

function callRoute(
  { prefix, suffix, dialect }: Place,
  verb: string,
  route: Pick<RawRoute, "summary" | "body" | "response" | "priority" | "handle">,
) {
  return raw({
    ...{ ...route, ...dialect, method: "POST", path: `${prefix}/models/{model}:${verb}`, bodyLimitBytes },
    ...{ permission: "model:call", operation: verb + suffix, takesIdempotencyKey: true },
    headers: { ...tagHeaders, ...cacheHeaders, ...keepAliveHeaders },
  });
}

function callRoutes(place: Place) {
  return [
    callRoute(place, "generateContent", {
      summary: "Answers a conversation. Google's dialect, for any model.",
      ...{ body: contentBody, response: contentResponse },
      handle: (ops: AiGatewayOps, exchange) =>
        ops.generateContent({ model: modelOf(exchange), isStream: false, isSse: false }, exchange),
    }),
    callRoute(place, "streamGenerateContent", {
      summary: "The same as a stream: server-sent events with `?alt=sse`, otherwise the items of one JSON array.",
      ...{ body: contentBody, response: contentResponse },
      handle: (ops: AiGatewayOps, exchange) =>
        ops.generateContent({ model: modelOf(exchange), isStream: true, isSse: wantsEvents(exchange) }, exchange),
    }),
    callRoute(place, "embedContent", {
      summary: "Turns a text into a vector.",
      ...{ body: embedBody, response: z.looseObject({ embedding: vector }), priority: "background" },
      handle: (ops: AiGatewayOps, exchange) => ops.embedContent({ model: modelOf(exchange), isBatch: false }, exchange),
    }),
    callRoute(place, "batchEmbedContents", {
      summary: "Turns several texts into vectors, at once and in their order.",
      body: z.looseObject({ requests: z.array(embedBody) }),
      ...{ response: z.looseObject({ embeddings: z.array(vector) }), priority: "background" },
      handle: (ops: AiGatewayOps, exchange) => ops.embedContent({ model: modelOf(exchange), isBatch: true }, exchange),
    }),
  ];
}

function countRoute({ prefix, suffix, dialect }: Place) {
  return raw({
    ...{ ...dialect, method: "POST", path: `${prefix}/models/{model}:countTokens`, bodyLimitBytes },
    ...{ permission: "model:list", operation: `countTokens${suffix}` },
    summary: "How many tokens a request is likely to take. Calls no model and costs nothing.",
    body: contentBody.partial({ contents: true }),
    response: z.strictObject({ totalTokens: z.int() }),
    async handle(ops, exchange) {
      const { res, body, requestId } = exchange;
      const asked = { caller: requireCaller(exchange), model: modelOf(exchange), body };
      const bytes = Buffer.from(JSON.stringify({ totalTokens: await ops.countContentTokens(asked) }));
      res.writeHead(200, {
        "content-type": "application/json",
        "content-length": bytes.length,
        "cache-control": "no-store",
        "x-request-id": requestId,
      });
      res.end(bytes);
    },
  });
}

const dialect = { toFailureReply: toGeminiFailureReply };

const modelRoutes = [
  json({
    ...dialect,
    method: "GET",
    path: "/v1beta/models",
    permission: "model:list",
    operation: "listGeminiModels",
    summary: "The models that this key may use, in Google's form.",
    query: pageQuery.pick({ key: true, pageSize: true, pageToken: true }),
    response: googleList,
    async handle(ops, request) {
      const { tenantId, keyId, models: allowedModels } = requireCaller(request);
      return toGoogleList(await ops.listModels({ tenantId, keyId, allowedModels }), request.query);
    },
  }),
  json({
    ...dialect,
    method: "GET",
    path: "/v1beta/models/{id}",
    takesSlashes: true,
    permission: "model:list",
    operation: "getGeminiModel",
    summary: "One model that this key may use, in Google's form.",
    params: z.strictObject({ id: z.string().max(200) }),
    query: pageQuery.pick({ key: true }),
    response: googleModel,
    failures: [aiGatewayFailures.model_not_found, billingFailures.price_missing],
    async handle(ops, request) {
      const { tenantId, keyId, models: allowedModels } = requireCaller(request);
      return toGoogleModel(await ops.getModel({ tenantId, keyId, allowedModels, model: request.params.id }));
    },
  }),
];

/** Model calls in Google's dialect, and its list of models. */
export const geminiRoutes = [
  ...places.flatMap((place) => [...callRoutes(place), countRoute(place), ...contentBatchRoutes(place)]),
  ...places.slice(0, 1).flatMap(contentBatchViews),
  ...modelRoutes,
];

function modelOf({ params }: Exchange): string {
  return params["model"] ?? "";
}

function wantsEvents({ req }: Exchange): boolean {
  return new URL(req.url ?? "/", "http://localhost").searchParams.get("alt") === "sse";
}
