import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { tagHeaders } from "./call/read-tags.ts";
import { modelField, type Place } from "./call-routes.ts";
import type { AiGatewayOps } from "./ops.ts";
import { codeFor } from "./realtime/close-codes.ts";
import { toErrorEvent } from "./realtime/error-event.ts";

const { json, raw } = routesFor<AiGatewayOps>();

const sessionWish = z
  .looseObject({
    type: z.literal("realtime").default("realtime"),
    model: z.string().min(1).max(200).describe("A model of GET /v1/models that hears and speaks."),
  })
  .describe("With what each session begins, as in `session.update`.");
const clientSecret = z.strictObject({
  expires_after: z
    .strictObject({
      anchor: z.literal("created_at").default("created_at"),
      seconds: z.int().min(10).max(7_200).default(600).describe("How long sessions may be opened with it."),
    })
    .prefault({}),
  session: sessionWish,
});

/** Sessions in OpenAI's realtime dialect, over a WebSocket. */
export function realtimeRoutes({ prefix, suffix, dialect }: Place) {
  return [
    raw({
      ...dialect,
      method: "GET",
      path: `${prefix}/realtime`,
      permission: "model:call",
      operation: `openRealtimeSession${suffix}`,
      summary:
        "Opens a session in which a model hears and speaks: a WebSocket, paid for as it runs. Browsers send a client secret as the subprotocol `openai-insecure-api-key.<secret>`, beside `realtime`.",
      bodyLimitBytes: 0,
      isWebSocket: true,
      toLastWords: (failure, { requestId, locale }) => ({
        text: toErrorEvent(failure, { eventId: requestId.replace("req_", "event_"), refersTo: undefined, locale }),
        code: codeFor(failure),
      }),
      query: z.strictObject({
        model: modelField.optional().describe("A model of GET /v1/models; may be left out with a client secret."),
      }),
      headers: { ...tagHeaders, "openai-beta": "`realtime=v1` for the form of the dialect before today's." },
      handle: (ops, exchange) => ops.openRealtimeSession(exchange),
    }),
    json({
      ...dialect,
      method: "POST",
      path: `${prefix}/realtime/client_secrets`,
      permission: "model:call",
      operation: `createClientSecret${suffix}`,
      summary:
        "A secret that a browser may hold: it opens realtime sessions of one model in this key's name for some minutes, and nothing else.",
      body: clientSecret,
      response: z.strictObject({
        value: z.string().describe("`ek_…`; shown this once."),
        expires_at: z.int().describe("Seconds since 1970. A session that is open by then goes on."),
        session: z.looseObject({ id: z.string(), object: z.literal("realtime.session"), type: z.literal("realtime") }),
      }),
      failures: [
        aiGatewayFailures.model_not_found,
        aiGatewayFailures.invalid_request,
        connectionFailures.client_secret_needs_key,
        connectionFailures.client_secrets_exceeded,
        aiGatewayFailures.call_unguarded,
      ],
      async handle(ops, request) {
        const { session, expires_after } = request.body;
        const asked = { caller: requireCaller(request), session, ttlSeconds: expires_after.seconds };
        const { value, expiresAtMs, sessionId } = await ops.createClientSecret(asked);
        const shown = { ...session, id: sessionId, object: "realtime.session" as const };
        return { value, expires_at: Math.floor(expiresAtMs / 1_000), session: shown };
      },
    }),
  ];
}
