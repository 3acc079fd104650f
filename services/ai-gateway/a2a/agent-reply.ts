import { once } from "node:events";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { keepAliveComment, keepResponseAlive } from "../call/keep-alive.ts";
import type { AiGatewayDeps } from "../deps.ts";

/** The answer to one request: JSON, or, to one that is answered by a stream, server-sent events. */
export interface AgentReply {
  /** One message of a stream. Resolves when the client takes more; for one that has left it does nothing. Rejects when the signal aborts. */
  event(message: string, signal: AbortSignal): Promise<void>;
  /** The message that ends the answer; undefined for a stream that has said all. To be called once. */
  end(message: string | undefined): void;
  /** Says nothing more. */
  stop(): void;
}

export function createAgentReply(
  { wheel, settings }: Pick<AiGatewayDeps, "wheel" | "settings">,
  { res, requestId }: Pick<Exchange, "res" | "requestId">,
  { callId, isStreamed }: { readonly callId: string; readonly isStreamed: boolean },
): AgentReply {
  const common = {
    ...{ "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": requestId },
    ...(callId !== "" && { "lyss-call-id": callId }),
  };
  const head = () => ({ ...common, "content-type": "text/event-stream", "x-accel-buffering": "no" });
  const alive =
    isStreamed && settings.keepAliveMs > 0
      ? keepResponseAlive(wheel, settings.keepAliveMs, { res, head, bytes: keepAliveComment })
      : undefined;
  alive?.start();

  function write(message: string): boolean {
    if (!res.headersSent) res.writeHead(200, head());
    alive?.note();
    return res.write(`data: ${message}\n\n`);
  }

  return {
    async event(message, signal) {
      if (res.destroyed || res.writableEnded || write(message)) return;
      const leaving = new AbortController();
      const given = { signal: AbortSignal.any([leaving.signal, signal]) };
      try {
        await Promise.race([once(res, "drain", given), once(res, "close", given)]);
      } finally {
        leaving.abort();
      }
    },
    end(message) {
      alive?.stop();
      if (res.destroyed || res.writableEnded) return;
      // What goes wrong before a stream has begun is JSON, as the official servers and clients have it.
      if (message === undefined || res.headersSent) {
        if (message !== undefined) write(message);
        res.end();
        return;
      }
      const body = Buffer.from(message);
      res.writeHead(200, { ...common, "content-type": "application/json", "content-length": body.length }).end(body);
    },
    stop: () => alive?.stop(),
  };
}
