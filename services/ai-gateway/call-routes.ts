import { type HotExchange, type RawRoute, routesFor, type ToFailureReply } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { cacheHeaders } from "./answer-cache/cache-wish.ts";
import { keepAliveHeaders } from "./call/keep-alive.ts";
import { tagHeaders } from "./call/read-tags.ts";
import type { AiGatewayOps } from "./ops.ts";
import { promptField } from "./prompts/prompt.ts";
import { preferencesBody } from "./routing/preferences.ts";
import { isMedia, type Surface, writesText } from "./surfaces/surface.ts";

const { raw } = routesFor<AiGatewayOps>();

/** Bodies pass through untouched, so the document names only what decides; unknown fields are allowed. */
export const modelField = z.string().describe("A model of GET /v1/models.");
export const streamField = z.boolean().optional().describe("True for server-sent events.");
const bodyLimitBytes = 33_554_432;

/** Where the operations on models stand, and what errors look like there. */
export interface Place {
  readonly prefix: string;
  /** Added to the operations' names, which are unique. */
  readonly suffix: string;
  readonly dialect: { readonly toFailureReply?: ToFailureReply };
}

export function callRoute({ prefix, suffix, dialect }: Place, surface: Surface, path: string, route: CallRouteParts) {
  return raw({
    ...{
      ...route,
      ...dialect,
      method: "POST",
      path: prefix + path,
      operation: route.operation + suffix,
      bodyLimitBytes,
    },
    permission: "model:call",
    takesIdempotencyKey: true,
    headers: { ...tagHeaders, ...cacheHeaders, ...(writesText(surface) && keepAliveHeaders) },
    response: z.looseObject({ id: z.string().optional(), model: z.string().optional() }),
    handle: (ops, exchange) =>
      route.bodyType !== undefined && isMedia(surface)
        ? ops.serveForm(surface, exchange)
        : ops.serveCall(surface, exchange),
    ...(surface === "chat" && { serveHot: (ops: AiGatewayOps, exchange: HotExchange) => ops.serveHotCall(exchange) }),
  });
}

type CallRouteParts = Pick<RawRoute, "operation" | "summary" | "body" | "bodyType" | "files" | "priority">;

/** Model calls that pass through in OpenAI's dialect, and in those that lean on it. */
export function callRoutes(place: Place) {
  return [
    callRoute(place, "chat", "/chat/completions", {
      operation: "createChatCompletion",
      summary: "Answers a conversation. OpenAI's dialect; fields that Lyss does not know reach the provider unchanged.",
      body: z.looseObject({
        model: modelField,
        messages: z
          .array(z.looseObject({ role: z.string() }))
          .meta({ examples: [[{ role: "user", content: "Hello" }]] }),
        prompt: promptField,
        stream: streamField,
        provider: preferencesBody,
      }),
    }),
    callRoute(place, "completions", "/completions", {
      operation: "createCompletion",
      summary: "Continues a text. OpenAI's older dialect.",
      body: z.looseObject({ model: modelField, prompt: z.unknown(), stream: streamField }),
    }),
    callRoute(place, "embeddings", "/embeddings", {
      // Most of them index documents; who waits for one may say so in `x-lyss-priority`.
      priority: "background",
      operation: "createEmbedding",
      summary: "Turns text into vectors, as floats or base64.",
      body: z.looseObject({
        model: modelField,
        input: z.unknown(),
        encoding_format: z.enum(["float", "base64"]).optional(),
      }),
    }),
    callRoute(place, "moderations", "/moderations", {
      operation: "createModeration",
      summary: "Says whether texts and images are harmful, by category.",
      body: z.looseObject({ model: modelField, input: z.unknown().meta({ examples: ["Hello"] }) }),
    }),
    callRoute(place, "rerank", "/rerank", {
      operation: "createRerank",
      summary: "Orders documents by how well they answer a query. The form of Cohere and Jina.",
      body: z.looseObject({
        model: modelField,
        query: z.string(),
        documents: z.array(z.unknown()).meta({ examples: [["A cat is an animal.", "Paris is a city."]] }),
        top_n: z.int().min(1).optional().describe("How many are answered; all unless given."),
      }),
    }),
  ];
}
