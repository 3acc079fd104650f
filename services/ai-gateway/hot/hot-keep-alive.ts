import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import { createKeepAlive, type KeepAlive, keepAliveComment } from "../call/keep-alive.ts";
import { streamContentType } from "../call/relay-stream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toErrorEvent } from "../dialects/openai/pass-through.ts";

/** Of a streamed answer, without what tells of the provider: no proxy is to keep it, or to hold back its events. */
export const streamHead = `content-type: ${streamContentType}\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n`;

/** Keeps a stream over a lane alive, whichever attempt is under way; undefined for an interval of 0. */
export function openHotKeepAlive(
  { wheel }: Pick<AiGatewayDeps, "wheel">,
  intervalMs: number,
  exchange: HotExchange,
  callId: string,
): KeepAlive | undefined {
  if (intervalMs === 0) return undefined;
  return createKeepAlive(wheel, intervalMs, () => {
    if (exchange.isOver) return;
    if (!exchange.hasBegun) exchange.begin(200, `${streamHead}lyss-call-id: ${callId}\r\n`);
    exchange.write(keepAliveComment);
  });
}

/** Tells a caller what went wrong before anything of an answer left: in the stream where it has begun with keep-alives. */
export function failWithoutAnswer(exchange: HotExchange, failure: unknown): void {
  if (exchange.hasBegun && isFailure(failure)) exchange.end(toErrorEvent(failure, exchange.context.locale));
  else exchange.fail(failure);
}
