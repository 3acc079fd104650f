import type { Exchange } from "@lyss/kit/http/route.ts";
import { keepAliveComment, keepResponseAlive } from "../call/keep-alive.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { RpcId, RpcParams } from "../servers/json-rpc.ts";
import { sessionHeader } from "./protocol.ts";

/** The answer to one request: JSON, or server-sent events from the moment that something has to be said before its end. */
export interface McpReply {
  /** True where the client takes events. */
  readonly canStream: boolean;
  /** Something that is heard before the end. */
  notify(method: "notifications/progress" | "notifications/message", params: RpcParams): void;
  /** The message that ends it. To be called once. */
  end(message: string): void;
  /** Says nothing more. */
  stop(): void;
}

/** What a client hears of a session of its own; the message that opens it alone has one. */
export interface ReplyHead {
  readonly callId: string | undefined;
  readonly sessionId: string | undefined;
}

export function createMcpReply(
  { wheel, settings }: Pick<AiGatewayDeps, "wheel" | "settings">,
  { req, res, requestId }: Pick<Exchange, "req" | "res" | "requestId">,
  { callId, sessionId }: ReplyHead,
): McpReply {
  const accept = req.headers.accept ?? "*/*";
  const takesEvents = /text\/event-stream|\*\/\*|text\/\*/.test(accept);
  const takesJson = /application\/(json|\*)|\*\/\*/.test(accept);
  const canStream = takesEvents && req.headers.accept !== undefined;
  const common = {
    ...{ "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": requestId },
    ...(callId !== undefined && { "lyss-call-id": callId }),
    ...(sessionId !== undefined && { [sessionHeader]: sessionId }),
  };
  const streamHead = () => ({ ...common, "content-type": "text/event-stream", "x-accel-buffering": "no" });
  const alive =
    canStream && settings.keepAliveMs > 0
      ? keepResponseAlive(wheel, settings.keepAliveMs, { res, head: streamHead, bytes: keepAliveComment })
      : undefined;
  alive?.start();

  function write(message: string): void {
    if (res.destroyed || res.writableEnded) return;
    if (!res.headersSent) res.writeHead(200, streamHead());
    alive?.note();
    res.write(`event: message\ndata: ${message}\n\n`);
  }

  return {
    canStream,
    notify(method, params) {
      // Who does not keep up hears of the next.
      if (canStream && !res.writableNeedDrain) write(JSON.stringify({ jsonrpc: "2.0", method, params }));
    },
    end(message) {
      alive?.stop();
      if (res.destroyed || res.writableEnded) return;
      if (res.headersSent || (canStream && !takesJson)) {
        write(message);
        res.end();
        return;
      }
      const body = Buffer.from(message);
      res.writeHead(200, { ...common, "content-type": "application/json", "content-length": body.length }).end(body);
    },
    stop: () => alive?.stop(),
  };
}

/** A progress token of the client's own, and what a server said of it. */
export function withToken(params: RpcParams, token: RpcId): RpcParams {
  const { progress, total, message } = params;
  return {
    progressToken: token,
    progress: typeof progress === "number" ? progress : 0,
    ...(typeof total === "number" && { total }),
    ...(typeof message === "string" && { message: message.slice(0, maxMessageLength) }),
  };
}

const maxMessageLength = 2_000;
