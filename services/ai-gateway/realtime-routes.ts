import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import { tagHeaders } from "./call/read-tags.ts";
import { modelField, type Place } from "./call-routes.ts";
import type { AiGatewayOps } from "./ops.ts";

const { raw } = routesFor<AiGatewayOps>();

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
        "Opens a session in which a model hears and speaks: a WebSocket, paid for as it runs. Browsers send their key as the subprotocol `openai-insecure-api-key.<key>`, beside `realtime`.",
      bodyLimitBytes: 0,
      isWebSocket: true,
      query: z.strictObject({ model: modelField }),
      headers: { ...tagHeaders, "openai-beta": "`realtime=v1` for the form of the dialect before today's." },
      handle: (ops, exchange) => ops.openRealtimeSession(exchange),
    }),
  ];
}
