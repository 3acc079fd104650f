import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { setLastingHeader } from "@lyss/kit/http/failure-reply.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { asksForWebSocket } from "@lyss/kit/http/web-socket.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";

/** Who asks for a WebSocket. Throws `web_socket_needed` for a plain request, and `shutting_down`. */
export function requireWebSocket({ openCalls }: Pick<AiGatewayDeps, "openCalls">, exchange: Exchange): Caller {
  if (!asksForWebSocket(exchange)) {
    setLastingHeader(exchange.res, "upgrade", "websocket");
    throw new Failure(connectionFailures.web_socket_needed);
  }
  if (openCalls.isStopping) throw new Failure(aiGatewayFailures.shutting_down);
  return requireCaller(exchange);
}
