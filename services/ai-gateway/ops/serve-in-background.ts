import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { backgroundFailures } from "@lyss/contracts/failures/ai-gateway-background.ts";
import { Failure, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { readKeepAliveMs } from "../call/keep-alive.ts";
import { serveCall } from "../call/serve-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AnswerFacts, AskedCall, DetachedCall, ReadCall, ReadingProvider } from "../dialects/dialect.ts";
import { toErrorObject } from "../dialects/openai/failure-reply.ts";
import type { Fields } from "../dialects/request-fields.ts";
import { type ResponseObject, startResponse, toResponseId } from "../dialects/responses/response-object.ts";
import type { ResponseRequest } from "../dialects/responses/response-request.ts";
import type { KeepResponse } from "../dialects/responses/responses.ts";
import type { AnswerRecord } from "../once/call-once.ts";
import { createBackgroundStream, toFirstEvents } from "../responses/background-stream.ts";
import { openFollowing } from "../responses/follow-response.ts";
import type { Owner } from "../responses/response-store.ts";
import { createSink } from "../responses/sink.ts";

/** What a response is made from, whatever way it is served. */
export interface AskedResponse {
  readonly owner: Owner;
  readonly read: ResponseRequest;
  /** Reads it for the provider that serves it; `keeperFor` gives what keeps the response. */
  readFor(provider: ReadingProvider, keeperFor: (facts: AnswerFacts) => KeepResponse): ReadCall;
  readonly call: Pick<AskedCall, "model" | "asked" | "chat" | "preferences" | "prompt">;
  /** The request's own items; their ids depend on the call's. */
  inputOf(callId: string): readonly Fields[];
}

/**
 * Answers the caller when the call's money is set aside, and goes on without: with the response as it is then, or with its stream, which
 * the caller may leave and take up again. What fails before that is the caller's to hear; what fails later becomes the response's error.
 */
export async function serveInBackground(deps: AiGatewayDeps, asked: AskedResponse, exchange: Exchange): Promise<void> {
  const { owner, read } = asked;
  const begun = Promise.withResolvers<string>();
  const keepAliveMs = readKeepAliveMs(exchange.req.headers, deps.settings);
  const run = createRun(deps, asked, exchange.context.locale);
  const follow = async (callId: string, headers: Readonly<Record<string, string>>) => {
    const name = { ...owner, responseId: toResponseId(callId) };
    const wanted = { name, after: -1, keepAliveMs, headers: { "lyss-call-id": callId, ...headers } };
    const send = await openFollowing(deps, wanted);
    await send(exchange.res);
  };
  const detached: DetachedCall = {
    ...{ res: run.res, fail: run.fail, end: run.end },
    async begin(callId, record) {
      // Nobody would ever hear the response's id.
      if (exchange.res.destroyed && !record) throw new Failure(kitFailures.canceled);
      const queued = await run.begin(callId);
      await keepReply(queued, record);
      if (!read.isStream) reply(exchange, callId, Buffer.from(JSON.stringify(queued)));
      begun.resolve(callId);
      await deps.responses.markInProgress(queued.id);
    },
    ...(read.isStream && { repeat: ({ callId }) => follow(callId, { "idempotent-replayed": "true" }) }),
  };
  const readFor = (provider: ReadingProvider) => asked.readFor(provider, () => run.keep);
  const served = serveCall(deps, { ...asked.call, readFor, detached }, exchange).finally(run.close);
  // Either it has begun, or it was answered for an earlier call, or it failed before. How it ends later is `fail`'s to hear.
  const callId = await Promise.race([begun.promise, served]);
  if (read.isStream && callId !== undefined) await follow(callId, {});
}

/** Of a stream, too, a repeat needs no more than the call. */
async function keepReply(queued: ResponseObject, record: AnswerRecord | undefined): Promise<void> {
  record?.add(Buffer.from(JSON.stringify(queued)));
  await record?.keep("application/json");
}

/** A response on its way in the background. */
interface Run extends Pick<Required<DetachedCall>, "res" | "fail" | "end"> {
  readonly keep: KeepResponse;
  /** Keeps it as it is before anything is sent. */
  begin(callId: string): Promise<ResponseObject>;
  close(): void;
}

function createRun(deps: AiGatewayDeps, { owner, read, inputOf }: AskedResponse, locale: Locale): Run {
  const { responses, settings, clock } = deps;
  const { maxRunMs, maxStreamBytes } = settings.backgroundResponses;
  let response: ResponseObject | undefined;
  let hasEnded = false;
  let closeWriter = () => {};
  let cancelLimit = () => {};

  async function end(whole: ResponseObject): Promise<boolean> {
    const isFirst = await responses.end(owner, whole);
    hasEnded = true;
    return isFirst;
  }
  const stream = read.isStream
    ? createBackgroundStream({
        ...{ maxEventBytes: settings.maxResponseBytes, maxStreamBytes, end },
        onTooLarge: () => void stop(new Failure(aiGatewayFailures.response_too_large)),
      })
    : undefined;
  const res = stream?.res ?? createSink();

  async function fail(err: unknown): Promise<void> {
    // What was said before it failed is shown before that.
    await stream?.settle().catch(() => undefined);
    if (response && !hasEnded) await endFailed(deps, response, { err, locale, end });
  }

  /** Ends the call, which is paid as one whose caller leaves. */
  async function stop(failure: Failure): Promise<void> {
    await fail(failure);
    res.destroy();
  }

  /** For one that has ended elsewhere. */
  function leave(): void {
    hasEnded = true;
    res.destroy();
  }

  return {
    ...{ res, fail },
    keep: stream?.keep ?? end,
    async begin(callId) {
      const queued = startResponse(read, { callId, startedAtMs: clock.nowMs() }, "queued");
      const events = stream && toFirstEvents(queued);
      const kept = { response: queued, input: inputOf(callId), previousResponseId: read.previousResponseId };
      await responses.begin(owner, { ...kept, events }, leave);
      response = queued;
      if (stream && events) {
        const writer = responses.events.open(owner, queued.id, events.length, leave);
        closeWriter = writer.close;
        stream.open(writer);
      }
      const minutes = Math.ceil(maxRunMs / 60_000);
      const expire = () => void stop(new Failure(backgroundFailures.response_expired, { minutes }));
      cancelLimit = clock.setTimer(maxRunMs, expire);
      return queued;
    },
    end: () => fail(new Error("a call in the background has ended without saying how")),
    close() {
      cancelLimit();
      closeWriter();
    },
  };
}

function reply({ res, requestId }: Exchange, callId: string, bytes: Buffer): void {
  if (res.destroyed) return;
  res.writeHead(200, {
    "content-type": "application/json",
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-request-id": requestId,
    "lyss-call-id": callId,
  });
  res.end(bytes);
}

async function endFailed(
  { log }: Pick<AiGatewayDeps, "log">,
  response: ResponseObject,
  how: { readonly err: unknown; readonly locale: Locale; end(whole: ResponseObject): Promise<boolean> },
): Promise<void> {
  const { err, locale, end } = how;
  const isExpected = isFailure(err);
  if (!isExpected)
    log.error({ err, response_id: response.id }, "a response in the background failed in an unexpected way");
  const { code, message } = isExpected
    ? toErrorObject(err, locale).error
    : { code: "server_error", message: "The server had an error." };
  const error = { code: String(code), message: String(message) };
  await end({ ...response, status: "failed", error }).catch((cause: unknown) => {
    log.warn({ err: cause, response_id: response.id }, "how a response failed cannot be written; it counts as lost");
  });
}
