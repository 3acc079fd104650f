import type { ServerResponse } from "node:http";
import { keepAliveHeader } from "@lyss/contracts/calls/call-headers.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { onCut, protocolsOf } from "@lyss/kit/http/upgrade.ts";
import { acceptWebSocket } from "@lyss/kit/http/web-socket.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import type { WebSocket } from "ws";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { OpenCall } from "../open-calls.ts";
import { codeFor } from "../realtime/close-codes.ts";
import { keepAsking } from "../realtime/keep-asking.ts";
import { send } from "../realtime/pump.ts";
import { requireWebSocket } from "../realtime/require-web-socket.ts";
import { findStreamId, readClientMessage } from "./client-message.ts";
import { type ConnectionMemory, createConnectionMemory } from "./connection-memory.ts";
import { toErrorEvent } from "./error-event.ts";
import { createEventResponse } from "./event-response.ts";
import { createInbox } from "./inbox.ts";

/** How a response is made: as `POST /v1/responses` makes it, with what the connection remembers. */
export interface Responder {
  respond(exchange: Exchange, memory: ConnectionMemory): Promise<void>;
  /** The events of a response that only prepares the next. */
  prepare(exchange: Exchange, memory: ConnectionMemory): Promise<readonly string[]>;
}

/** Subprotocols of this kind say a key or a form of the dialect, and are not answered. */
const ofVendor = /^openai-/;
/** Of conversations that only a connection remembers. */
const maxRememberedBytes = 33_554_432;

type Deps = Pick<AiGatewayDeps, "openCalls" | "settings" | "clock" | "random" | "log">;

/**
 * OpenAI's Responses API over a WebSocket: each message asks for a response, which is a call of its own, and the events of the responses
 * are the messages that come back, one response after the other. Throws a Failure until the connection stands; resolves when it is over.
 */
export async function serveConnection(deps: Deps, exchange: Exchange, responder: Responder): Promise<void> {
  refuseQuery(exchange.req.url ?? "");
  requireWebSocket(deps, exchange);
  const client = acceptWebSocket(exchange, {
    protocol: protocolsOf(exchange.req).find((one) => !ofVendor.test(one)),
    maxMessageBytes: deps.settings.responseConnections.maxMessageBytes,
    headers: {},
  });
  if (client) await converse(deps, exchange, client, responder);
}

async function converse(deps: Deps, exchange: Exchange, client: WebSocket, responder: Responder): Promise<void> {
  const { openCalls, clock, settings } = deps;
  const { maxConnectionMs, pingMs, maxMessageBytes: maxBytes, maxWaiting } = settings.responseConnections;
  const { locale } = exchange.context;
  const memory = createConnectionMemory(maxRememberedBytes);
  let current: ServerResponse | undefined;
  let over: Failure | undefined;
  let isCut = false;

  const tell = (failure: Failure, streamId?: string) =>
    send(client, withStreamId(toErrorEvent(failure, locale), streamId), false);
  const inbox = createInbox(client, { maxWaiting, maxBytes }, (message) => {
    void tell(
      new Failure(connectionFailures.connection_crowded, { limit: maxWaiting, maxBytes }),
      findStreamId(message),
    );
  });
  /** No response begins any more; one that is under way goes on to its end. */
  function endWith(failure: Failure): void {
    over ??= failure;
    inbox.stop();
  }

  /** The response under way ends with the connection. */
  function cut(why: Failure): void {
    isCut = true;
    endWith(why);
    current?.destroy();
  }

  client.on("error", () => undefined);
  client.once("close", () => current?.destroy());
  const stopping = () => endWith(new Failure(aiGatewayFailures.shutting_down));
  const open: OpenCall = { abort: endWith, drain: stopping, previous: undefined, next: undefined };
  openCalls.begin(open);
  onCut(exchange.res, cut);
  const minutes = Math.ceil(maxConnectionMs / 60_000);
  const expire = () => endWith(new Failure(connectionFailures.connection_expired, { minutes }));
  const cancelLimit = clock.setTimer(maxConnectionMs, expire);
  const stopPings = keepAsking(clock, client, pingMs);
  try {
    for (let message = await inbox.next(); message; message = await inbox.next()) {
      const streamId = findStreamId(message);
      const say = (data: string) => send(client, withStreamId(data, streamId), false);
      const res = createEventResponse(say, settings.maxResponseBytes);
      current = res;
      try {
        await answer(deps, { exchange, responder, memory, message, res, say });
        // It stopped reading: the call has ended without it.
        if (res.destroyed && !res.writableFinished && !isCut) client.terminate();
      } catch (err) {
        if (isFailure(err)) await tell(err, streamId);
        else {
          deps.log.error({ err }, "a response on a connection failed in an unexpected way");
          await tell(new Failure(kitFailures.internal), streamId);
        }
      } finally {
        current = undefined;
      }
    }
    if (over) {
      await tell(over);
      client.close(codeFor(over));
    }
  } finally {
    cancelLimit();
    stopPings();
    openCalls.end(open);
  }
}

interface Asked {
  readonly exchange: Exchange;
  readonly responder: Responder;
  readonly memory: ConnectionMemory;
  readonly message: Buffer;
  readonly res: ServerResponse;
  say(data: string): Promise<void>;
}

/** Resolves when everything of the response is sent. Throws what its client is to hear. */
async function answer(deps: Deps, { exchange, responder, memory, message, res, say }: Asked): Promise<void> {
  const { body, isGenerated } = readClientMessage(message);
  const requestId = deps.random.id("req");
  const { headers } = exchange.req;
  // What keeps a stream alive here is the ping.
  const req = Object.create(exchange.req, { headers: { value: { ...headers, [keepAliveHeader]: "off" } } });
  const context = { ...exchange.context, caller: exchange.caller, requestId };
  const own: Exchange = { ...exchange, req, res, body, requestId, context };
  if (!isGenerated) {
    for (const event of await runInContext(context, () => responder.prepare(own, memory))) await say(event);
    res.end();
    return;
  }
  const isSent = new Promise<void>((resolve) => res.once("finish", resolve).once("close", resolve));
  await runInContext(context, () => responder.respond(own, memory));
  await isSent;
}

/** The client tells by it which of its conversations an event belongs to. */
function withStreamId(event: string, streamId: string | undefined): string {
  return streamId === undefined ? event : `{"stream_id":${JSON.stringify(streamId)},${event.slice(1)}`;
}

function refuseQuery(url: string): void {
  const [, query = ""] = url.split("?", 2);
  for (const name of new URLSearchParams(query).keys()) {
    if (name === "key") continue;
    throw refuseField(name.slice(0, 64), "is not known here", "不是此处可用的参数");
  }
}
