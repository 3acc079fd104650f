import type { ServerResponse } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Span } from "@lyss/kit/observability/span.ts";
import { inSpan } from "@lyss/kit/observability/tracing.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall, ReadCall } from "../dialects/dialect.ts";
import { readServiceMode } from "../dialects/openai/usage.ts";
import { type Funds, meteredTokens } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import type { AnswerRecord, FirstAnswer } from "../once/call-once.ts";
import type { OpenCall } from "../open-calls.ts";
import { wireOf } from "../providers/wires.ts";
import { type Call, type Ending, endWithoutCharge, hasCallerLeft } from "./call.ts";
import { describeCall, describeEnding } from "./call-span.ts";
import { chooseTarget } from "./choose-target.ts";
import { counterFor } from "./count-tokens.ts";
import { estimateCounted } from "./dispatch.ts";
import type { CallRequest } from "./read-request.ts";
import { readTags } from "./read-tags.ts";
import { refuseField } from "./refuse-field.ts";
import { relayAnswer } from "./relay-answer.ts";
import { relayStream } from "./relay-stream.ts";
import { sendUpstream } from "./send-upstream.ts";
import { settleCall } from "./settle-call.ts";
import { createStreamMeter } from "./stream-meter.ts";
import { watchCaller } from "./watch-caller.ts";

/** A shorter answer than this is not worth its prompt. */
const leastOutputTokens = 16;

/**
 * One model call of any dialect, stage by stage: choose, reserve, send, relay, settle. Whatever happens after the reservation, the
 * hold is resolved. Throws a Failure while nothing has been sent to the caller.
 */
export async function serveCall(deps: AiGatewayDeps, askedCall: AskedCall, exchange: Exchange): Promise<void> {
  const startedMs = deps.clock.monotonicMs();
  if (deps.openCalls.isStopping) throw new Failure(aiGatewayFailures.shutting_down);
  const { caller, requestId, context } = exchange;
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  const tags = readTags(exchange.req);
  const { detached } = askedCall;
  const { res } = detached ?? exchange;
  const target = chooseTarget(deps, caller, askedCall.model);
  // Before money is set aside for a call that would be refused.
  deps.policies.policyOf(target.provider).breaker()?.throwIfOpen();

  const read = askedCall.readFor(target.provider);
  const { request } = read;
  const { wire, draft } = draftFor(target, read);
  const counter = await counterFor(target.provider);
  const inputTokens = counter.boundInput(request);
  // Gone already, so that no `close` will tell.
  if (res.destroyed) return;
  const callId = deps.random.id("call");
  const abort = new AbortController();
  const isAwaited = context.idempotencyKey !== undefined && !detached;
  const isDrained = target.provider.onDisconnect === "drain" || isAwaited;
  const watch = watchCaller({ res, abort, clock: deps.clock }, isDrained ? deps.settings.drainLimitMs : 0);
  const open: OpenCall = { abort: (failure) => abort.abort(failure), previous: undefined, next: undefined };
  deps.openCalls.begin(open);
  let record: AnswerRecord | undefined;
  try {
    const begun = await beginOnce(deps, exchange, callId, askedCall);
    if (begun && "first" in begun) return repeatAnswer(exchange.res, requestId, begun.first);
    const startedAtMs = deps.clock.nowMs();
    const given = begun?.record;
    record = given;
    const funds = await fund(deps, exchange, { callId, request, target, inputTokens, tags });
    const call: Call = {
      ...{ callId, requestId, tenantId: caller.tenantId, request, target, counter, inputTokens, funds },
      ...{ wire, draft, facts: { startedAtMs, callId, upstreamModel: target.model.upstreamName } },
      record: detached ? undefined : given,
      begin: detached && (() => detached.begin(callId, given)),
      ...{ res, locale: context.locale, startedMs, caller: watch, abort },
      meter: createStreamMeter(funds, counter, request.choices),
      ...{ outputTokens: limitToSend(request, target, funds), dispatch: { unanswered: 0 } },
      writer: read.createWriter({
        ...{ callId, requestId, startedAtMs, maxKeptLength: deps.settings.maxResponseBytes },
        upstreamModel: target.model.upstreamName,
      }),
    };
    const { name, ...description } = describeCall(call);
    await inSpan(name, (span) => relay(deps, call, span), description);
  } catch (err) {
    await detached?.fail(err);
    throw err;
  } finally {
    deps.openCalls.end(open);
    watch.stop();
    await record?.close();
  }
}

/** Throws `invalid_request` for what this provider cannot be asked. */
function draftFor({ provider, model }: Target, { request, wire = wireOf(provider, model) }: ReadCall) {
  if (wire.surfaces.includes(request.surface)) return { wire, draft: wire.draft(request, model, provider) };
  throw refuseField(
    "model",
    "is at a provider that does not answer requests of this kind; GET /v1/models lists others",
    "所在的供应商不支持此类请求；其他模型见 GET /v1/models",
  );
}

/** For a call with an idempotency key; undefined for every other. */
function beginOnce(
  { once }: AiGatewayDeps,
  { caller, context: { idempotencyKey: key } }: Exchange,
  callId: string,
  { asked }: AskedCall,
) {
  if (key === undefined || !caller) return undefined;
  return once.begin({ tenantId: caller.tenantId, key, callId, ...asked });
}

/** The answer of the first call: nothing is sent upstream and nothing is charged. */
function repeatAnswer(res: ServerResponse, requestId: string, { callId, contentType, bytes }: FirstAnswer): void {
  res.writeHead(200, {
    "content-type": contentType,
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-request-id": requestId,
    "lyss-call-id": callId,
    "idempotent-replayed": "true",
  });
  res.end(bytes);
}

interface Admission {
  readonly callId: string;
  readonly request: CallRequest;
  readonly target: Target;
  readonly inputTokens: number;
  readonly tags: TagsText;
}

/** Sets the call's money aside. */
function fund(
  deps: AiGatewayDeps,
  { caller, requestId }: Exchange,
  { callId, request, target, inputTokens, tags }: Admission,
): Promise<Funds> {
  const { provider, model } = target;
  const most = mostOutputTokens(request, target);
  const isMetered = request.isStream && model.showsAllOutput && most > meteredTokens;
  // A metered stream is cut when money ends: all of it need not be known to fit.
  const limit = isMetered ? undefined : request.outputLimit?.tokens;
  const { tenantId = "", keyId = "", userId = "" } = caller ?? {};
  return deps.funding.fund({
    ...{ callId, requestId, tenantId, keyId, userId, provider: provider.name, model: model.name, tags },
    inputTokens: BigInt(inputTokens),
    maxOutputTokens: BigInt(most),
    minOutputTokens: BigInt(limit ?? Math.min(leastOutputTokens, most)),
    choices: request.choices,
    isMetered,
    serviceMode: readServiceMode(request.json),
  });
}

/** What one answer may put out at most. */
export function mostOutputTokens(request: Pick<CallRequest, "surface" | "outputLimit">, { model }: Target): number {
  return request.surface === "embeddings" ? 0 : (request.outputLimit?.tokens ?? model.maxOutputTokens);
}

/** The output limit to send when money allows less than was asked for, unless the stream is cut when money ends. */
function limitToSend(request: CallRequest, target: Target, { outputTokens, raise }: Funds): number | undefined {
  if (raise) return undefined;
  const granted = Number(outputTokens);
  return granted < mostOutputTokens(request, target) ? granted : undefined;
}

async function relay(deps: AiGatewayDeps, call: Call, span: Span): Promise<void> {
  let isSettled = false;
  const settle = async (ending: Ending) => {
    isSettled = true;
    const costNanos = await settleCall(deps, call, ending, () => estimateCounted(call));
    span.set(describeEnding(ending, costNanos));
  };
  try {
    await call.begin?.();
    call.abort.signal.throwIfAborted();
    const { answer, end } = await sendUpstream(deps, call);
    const relayBody = call.request.isStream ? relayStream : relayAnswer;
    try {
      await relayBody(deps, call, answer, settle);
    } finally {
      end();
    }
  } catch (err) {
    if (!isSettled) await settle(endWithoutCharge(hasCallerLeft(call) ? "canceled" : "failed"));
    // Nobody is left to tell.
    if (!hasCallerLeft(call)) throw err;
  }
}
