import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { Failure, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { WebSocket } from "ws";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { type ClientSession, readClientEvent } from "./client-event.ts";
import { closeCodes, codeFor, toClientCode, toUpstreamCode } from "./close-codes.ts";
import { readErrorEvent, toErrorEvent } from "./error-event.ts";
import { keepAsking } from "./keep-asking.ts";
import { type Message, pump, send } from "./pump.ts";
import { isOfResponse, type SessionMeter } from "./session-meter.ts";
import { noteStillness } from "./stillness.ts";

export interface RelayedSession extends ClientSession {
  readonly client: WebSocket;
  /** Paused. */
  readonly upstream: WebSocket;
  readonly meter: SessionMeter;
  readonly locale: Locale;
  /** Goes to the provider before all that the client says: the first event of a session that was prepared. */
  readonly prelude: Buffer | undefined;
  /** Aborted with the failure that the client is to hear. */
  readonly abort: AbortSignal;
  /** Aborted with the failure with which it ends as soon as no response is under way. */
  readonly drain: AbortSignal;
}

type RelayDeps = Pick<AiGatewayDeps, "clock" | "random" | "log" | "settings">;

/**
 * Relays a session's messages both ways, each after its money is seen to, until one end closes, is gone, or may not go on. Resolves
 * when everything is settled. Never rejects.
 */
export async function relaySession(deps: RelayDeps, session: RelayedSession): Promise<void> {
  const { client, upstream, meter, locale, prelude, abort, drain } = session;
  const { clock, random, log, settings } = deps;
  const { model } = session.target;
  const over = Promise.withResolvers<"canceled" | "truncated">();

  const errorEvent = (failure: Failure, refersTo?: unknown) =>
    toErrorEvent(failure, { eventId: random.id("event"), refersTo, locale });

  /** Ends both sides: the client hears why, the provider at once. */
  function cut(err: unknown): void {
    const failure = isFailure(err) ? err : new Failure(kitFailures.internal);
    if (!isFailure(err)) log.error({ err, model: model.name }, "a session failed in an unexpected way");
    fromClient.stop();
    fromUpstream.stop();
    void send(client, errorEvent(failure), false);
    client.close(codeFor(failure));
    upstream.close(closeCodes.goingAway);
    over.resolve("truncated");
  }

  async function forward({ bytes, isBinary }: Message): Promise<void> {
    const event = readClientEvent(bytes, session);
    await meter.admit(event);
    await send(upstream, event.rewritten ?? bytes, event.rewritten === undefined && isBinary);
  }

  async function onClientMessage(message: Message): Promise<void> {
    stillness.noteSound();
    await isPrepared;
    try {
      await forward(message);
    } catch (err) {
      if (!isFailure(err) || !isOfResponse(err)) throw err;
      await send(client, errorEvent(err, fieldOf(parseIfJson(message.bytes), "event_id")), false);
    }
  }

  async function onUpstreamMessage({ bytes, isBinary }: Message): Promise<void> {
    stillness.noteSound();
    const event = parseIfJson(bytes);
    await meter.note(event);
    const type = fieldOf(event, "type");
    // What an operator's account has left is nobody else's affair.
    if (type === "rate_limits.updated" && session.target.provider.source !== "tenant") return;
    await send(client, toClientText(event, type) ?? bytes, isBinary);
    if (drain.aborted) return onDrain();
    if (type === "response.done" || String(type).endsWith("transcription.completed")) meter.check().catch(cut);
  }

  /** In place of what the provider sent, where the client is not to see that. */
  function toClientText(event: unknown, type: unknown): string | undefined {
    if (type === "error") {
      const { failure, refersTo } = readErrorEvent(model.name, event);
      return errorEvent(failure, refersTo);
    }
    const shown = fieldOf(event, "session");
    if (fieldOf(shown, "model") !== model.upstreamName || model.upstreamName === session.model) return undefined;
    return JSON.stringify({ ...(event as object), session: { ...(shown as object), model: session.model } });
  }

  const fromClient = pump(client, onClientMessage, cut);
  const fromUpstream = pump(upstream, onUpstreamMessage, cut);
  client.on("error", () => undefined);
  client.once("close", (code: number, reason: Buffer) => {
    fromClient.stop();
    fromUpstream.stop();
    upstream.close(toUpstreamCode(code), code === 1000 || code >= 3000 ? reason : undefined);
    over.resolve("canceled");
  });
  upstream.once("close", async (code: number) => {
    await fromUpstream.idle();
    const told = toClientCode(code);
    if (told === undefined) cut(new Failure(aiGatewayFailures.upstream_truncated, { model: model.name }));
    client.close(told);
    over.resolve("truncated");
  });
  const onAbort = () => cut(abort.reason);
  const onDrain = () => {
    if (!meter.isAnswering) cut(drain.reason);
  };
  abort.addEventListener("abort", onAbort, { once: true });
  drain.addEventListener("abort", onDrain, { once: true });
  const { maxSessionMs, idleMs, pingMs } = settings.realtime;
  const endWith = (type: typeof connectionFailures.session_expired, afterMs: number) =>
    cut(new Failure(type, { minutes: Math.ceil(afterMs / 60_000) }));
  const expire = () => endWith(connectionFailures.session_expired, maxSessionMs);
  const cancelLimit = clock.setTimer(maxSessionMs, expire);
  const stillness = noteStillness(clock, idleMs, () => endWith(connectionFailures.session_idle, idleMs));
  const stopPings = [client, upstream].map((socket) => keepAsking(clock, socket, pingMs));
  const isPrepared = prelude && forward({ bytes: prelude, isBinary: false }).catch(cut);
  if (abort.aborted) onAbort();
  else if (drain.aborted) onDrain();
  upstream.resume();

  const outcome = await over.promise;
  cancelLimit();
  stillness.stop();
  for (const stop of stopPings) stop();
  abort.removeEventListener("abort", onAbort);
  drain.removeEventListener("abort", onDrain);
  await meter.end(outcome);
}

function parseIfJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
