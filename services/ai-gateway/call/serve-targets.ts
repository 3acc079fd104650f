import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { setLastingHeader } from "@lyss/kit/http/failure-reply.ts";
import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import type { Span } from "@lyss/kit/observability/span.ts";
import { inSpan } from "@lyss/kit/observability/tracing.ts";
import type { OpenCall } from "@lyss/kit/resilience/open-call.ts";
import { noteLeft, noteOutraced } from "../choices/choice.ts";
import { continueElsewhere } from "../continuation/continue-elsewhere.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { CallToFund, Funds } from "../funds/funds.ts";
import { expectedTokens } from "../model-limits/expected-tokens.ts";
import { toLimitHeaders } from "../model-limits/limit-headers.ts";
import type { LimitPlace } from "../model-limits/model-limits.ts";
import { isMedia } from "../surfaces/surface.ts";
import { type Call, type Ending, endWithoutCharge, hasCallerLeft } from "./call.ts";
import { describeAnswered, describeCall, describeEnding } from "./call-span.ts";
import { toCallToFund } from "./call-to-fund.ts";
import { estimateCounted, noteAnswering } from "./dispatch.ts";
import { openUpstream } from "./open-upstream.ts";
import { type PreparedCall, prepareFrom, takersFor, type Walk } from "./prepare-call.ts";
import { type FailedAttempt, outraced, type Race, serveRaced, untilFirstBytes } from "./race.ts";
import { relayAnswer } from "./relay-answer.ts";
import { relayMedia } from "./relay-media.ts";
import { relayStream } from "./relay-stream.ts";
import { toFailure } from "./send-upstream.ts";
import { settleCall } from "./settle-call.ts";
import { type ServedCall, toCall } from "./to-call.ts";

/**
 * Serves a call at one target after the other until one answers: each attempt has money of its own and is one usage fact, and what
 * an answer has begun with is never sent again. Throws what the last provider said when none answers; a stream that was kept alive
 * is a 200 by then, and ends with it.
 */
export async function serveTargets(
  deps: AiGatewayDeps,
  walk: Walk,
  prepared: PreparedCall,
  served: ServedCall,
): Promise<void> {
  let call = await openAttempt(deps, walk, served, prepared, undefined);
  const limit = createLimit(deps, walk, served);
  call.keepAlive?.start();
  try {
    for (;;) {
      const raced = await serveOrRace(deps, walk, served, call);
      call = raced.call;
      const { failed } = raced;
      if (!failed) return;
      if (failed.hasBegun) {
        const rest = limit.start() ? await continueCall(deps, walk, served, { call, failed }) : undefined;
        if (!rest) return void endInBand(call, failed.err);
        call = rest;
        continue;
      }
      noteLeft(walk.choice, call.target, failed.err, true);
      let next: Call | undefined;
      try {
        if (call.isContinuation) deps.failOver.noteFailure(call.target, failed.err);
        else if (!hasCallerLeft(call) && !served.abort.signal.aborted && limit.start()) {
          next = await goOn(deps, walk, served, call, failed.err);
        }
      } finally {
        await settleCall(deps, call, failed.ending, () => estimateCounted(call));
      }
      if (!next) {
        // Nobody is left to tell.
        if (hasCallerLeft(call) || endInBand(call, failed.err)) return;
        throw failed.err;
      }
      call = next;
    }
  } finally {
    call.keepAlive?.stop();
    limit.stop();
  }
}

function continueCall(
  deps: AiGatewayDeps,
  walk: Walk,
  served: ServedCall,
  broken: { readonly call: Call; readonly failed: FailedAttempt },
): Promise<Call | undefined> | undefined {
  if (hasCallerLeft(broken.call) || served.abort.signal.aborted) return undefined;
  const { call } = broken;
  return continueElsewhere(deps, walk, broken, (at) =>
    openAt(deps, walk, served, at, call, (toFund) => besideOf(call, toFund)),
  );
}

/** Tells a caller what went wrong whose stream has begun with keep-alives. False where it has not, or where it is a bug of ours. */
function endInBand({ res, writer, locale }: Call, err: unknown): boolean {
  if (!res.headersSent || !isFailure(err)) return false;
  res.end(writer.fail(err, locale));
  return true;
}

/** The limit of the whole call is its first provider's; only a call that goes on needs to be reminded of it. */
function createLimit(deps: AiGatewayDeps, { tried: [first], startedMs }: Walk, { abort }: ServedCall) {
  let cancel: (() => void) | undefined;
  return {
    /** False when the time is over. */
    start(): boolean {
      const timeoutMs = first && deps.policies.policyOf(first.provider).timeoutMs;
      if (timeoutMs === undefined) return true;
      const leftMs = startedMs + timeoutMs - deps.clock.monotonicMs();
      cancel ??= deps.clock.setTimer(Math.max(0, leftMs), () =>
        abort.abort(new Failure(kitFailures.deadline_exceeded, { timeoutMs })),
      );
      return leftMs > 0;
    },
    stop: () => cancel?.(),
  };
}

/** The next attempt, with its money; undefined where there is none, or no money for it. */
async function goOn(
  deps: AiGatewayDeps,
  walk: Walk,
  served: ServedCall,
  failed: Call,
  err: unknown,
): Promise<Call | undefined> {
  const { failOver, log } = deps;
  const target = failOver.next(err, { tried: walk.tried, targets: takersFor(walk), attempts: walk.attempts });
  if (!target) return undefined;
  try {
    const next = await openAttempt(deps, walk, served, await prepareFrom(deps, walk, target), failed);
    const names = { from: failed.target.provider.name, to: next.target.provider.name };
    const ids = { call_id: failed.callId, upstream_request_id: failed.dispatch.upstreamRequestId };
    log.warn({ ...names, ...ids, model: failed.target.model.name, err }, "a call goes on elsewhere");
    return next;
  } catch (cause) {
    if (!isFailure(cause)) throw cause;
    log.debug({ err: cause, call_id: failed.callId }, "a call cannot go on elsewhere");
    return undefined;
  }
}

/** An attempt, and where the route of the call hedges another beside it when it is slow. */
async function serveOrRace(
  deps: AiGatewayDeps,
  walk: Walk,
  served: ServedCall,
  call: Call,
): ReturnType<typeof serveRaced> {
  const { hedge, askedCall, tried, choice } = walk;
  if (hedge === undefined || askedCall.detached || isMedia(call.request.surface) || !call.funds.beside) {
    return { call, failed: await serveAttempt(deps, call) };
  }
  const raced = await serveRaced(call, {
    hedging: deps.hedging,
    percentile: hedge,
    open: () => openBeside(deps, walk, served, call),
    serve: (contender, race) => serveAttempt(deps, contender, race),
    async drop(dropped, { err, ending }) {
      if (ending.outcome === "failed") noteLeft(choice, dropped.target, err, true);
      else noteOutraced(choice, dropped.target);
      if (ending.outcome === "failed") deps.failOver.noteFailure(dropped.target, err);
      dropped.funds.forgo();
      await settleCall(deps, dropped, ending, () => estimateCounted(dropped));
    },
  });
  // The last of them is the one that serves it.
  tried.push(...tried.splice(tried.indexOf(raced.call.target), 1));
  return raced;
}

/** An attempt beside `call`; undefined where no other target is well, where this node has no attempt left, and where money is scarce. */
async function openBeside(deps: AiGatewayDeps, walk: Walk, served: ServedCall, call: Call): Promise<Call | undefined> {
  const { failOver } = deps;
  const target = failOver.beside({ tried: walk.tried, targets: takersFor(walk), attempts: walk.attempts });
  if (!target || hasCallerLeft(call)) return undefined;
  try {
    const at = await prepareFrom(deps, walk, target);
    return await openAt(deps, walk, served, at, call, (toFund) => besideOf(call, toFund));
  } catch (err) {
    if (!isFailure(err)) throw err;
    deps.log.debug({ err, call_id: call.callId }, "a call is not asked at a second target");
    return undefined;
  }
}

function besideOf({ funds }: Call, toFund: CallToFund): Promise<Funds> {
  if (!funds.beside) throw new TypeError("only a call that is paid for from a lease is raced");
  return funds.beside(toFund);
}

/**
 * Sets money aside for an attempt and writes it down. A target without a price, or at a limit, is passed over: only where all are at
 * one the caller hears of it, with the wait for the first that has room.
 */
async function openAttempt(
  deps: AiGatewayDeps,
  walk: Walk,
  served: ServedCall,
  prepared: PreparedCall,
  previous: Call | undefined,
): Promise<Call> {
  let limited: Failure | undefined;
  for (let at = prepared; ; ) {
    try {
      return await openAt(deps, walk, served, at, previous);
    } catch (err) {
      if (isFailure(err, aiGatewayFailures.model_limited)) limited = soonerOf(limited, err);
      else if (!isFailure(err, billingFailures.price_missing)) throw err;
      noteLeft(walk.choice, at.target, err, false);
      const other = deps.failOver.skip(walk.tried, takersFor(walk));
      if (!other) throw limited ?? err;
      try {
        at = await prepareFrom(deps, walk, other);
      } catch (cause) {
        throw limited ?? cause;
      }
    }
  }
}

async function openAt(
  deps: AiGatewayDeps,
  walk: Walk,
  served: ServedCall,
  at: PreparedCall,
  previous: Call | undefined,
  pay: (toFund: CallToFund) => Promise<Funds> = previous?.funds.goOn ?? deps.funding.fund,
): Promise<Call> {
  const attempt = walk.attempts + 1;
  const limited = enterLimits(deps, walk, served, at);
  try {
    const startedAtMs = deps.clock.nowMs();
    const { callId, requestId } = served;
    const { target, inputTokens, continuesAttempt } = at;
    const { request } = at.read;
    const { caller, tags } = walk;
    const toFund = toCallToFund({
      ...{ callId, attempt, continuesAttempt, requestId, caller, request, target, inputTokens, tags },
    });
    const funds = await pay(toFund);
    walk.attempts = attempt;
    return toCall(deps, walk, served, at, { attempt, funds, startedAtMs, limited, keepAlive: previous?.keepAlive });
  } catch (err) {
    limited?.cancel();
    throw err;
  }
}

/** Tells the caller what is left of its own limits, whether or not there is room. */
function enterLimits(
  { modelLimits, clock }: AiGatewayDeps,
  { caller, askedCall }: Walk,
  { res }: ServedCall,
  { target, read: { request } }: PreparedCall,
): LimitPlace | undefined {
  if (modelLimits.isEmpty) return undefined;
  try {
    return modelLimits.enter(target, caller, expectedTokens(request));
  } finally {
    const told = askedCall.detached || res.headersSent ? undefined : modelLimits.tell(target, caller);
    const family = askedCall.asked.surface === "messages" ? "anthropic" : "openai";
    for (const [name, value] of Object.entries(told ? toLimitHeaders(told, family, clock) : {})) {
      setLastingHeader(res, name, value);
    }
  }
}

function soonerOf(a: Failure | undefined, b: Failure): Failure {
  return a && (a.retryAfterMs ?? 0) <= (b.retryAfterMs ?? 0) ? a : b;
}

async function serveAttempt(deps: AiGatewayDeps, call: Call, race?: Race): Promise<FailedAttempt | undefined> {
  const { name, ...description } = describeCall(call);
  let failed: FailedAttempt | undefined;
  const serve = async (span: Span) => {
    failed = await relay(deps, call, span, race);
    // For the span.
    if (failed && !hasCallerLeft(call)) throw failed.err;
  };
  await inSpan(name, serve, description).catch((err: unknown) => {
    if (!failed) throw err;
  });
  return failed;
}

/** The answer of an attempt, when it has begun and no other was first. */
async function winRace(deps: AiGatewayDeps, call: Call, race: Race, { answer, end }: OpenCall<Answer>) {
  try {
    const begun = await untilFirstBytes(answer);
    if (race.win(call)) return { answer: begun, end };
    answer.discard();
    throw outraced;
  } catch (err) {
    end();
    throw toFailure(deps, call, err);
  }
}

async function relay(deps: AiGatewayDeps, call: Call, span: Span, race?: Race): Promise<FailedAttempt | undefined> {
  let isSettled = false;
  let failedWith: Ending | undefined;
  const noteRequestId = () => span.set(describeAnswered(call.dispatch.upstreamRequestId));
  const settle = async (ending: Ending) => {
    if (ending.outcome === "failed") {
      failedWith = ending;
      return;
    }
    isSettled = true;
    if (ending.outcome === "completed") {
      noteAnswering(call.dispatch);
      deps.failOver.noteAnswer(call.target);
      deps.affinity.note(call.conversation, call.target);
    }
    const costNanos = await settleCall(deps, call, ending, () => estimateCounted(call));
    const { outcome, tokens } = ending;
    call.onSettled?.({ target: call.target, outcome, tokens, costNanos });
    span.set(describeEnding(ending, costNanos));
  };
  // Of two that are asked at once one is always too many: that one stays taken.
  if (call.attempt > 1 && !race) call.dispatch.onAnswering = deps.failOver.giveBack;
  try {
    await call.begin?.();
    call.abort.signal.throwIfAborted();
    const opened = await openUpstream(deps, call).finally(noteRequestId);
    const { answer, end } = race ? await winRace(deps, call, race, opened) : opened;
    const relayUsual = call.request.isStream ? relayStream : relayAnswer;
    const relayBody = isMedia(call.request.surface) ? relayMedia : relayUsual;
    try {
      return (await relayBody(deps, call, answer, settle)) ?? undefined;
    } finally {
      end();
    }
  } catch (err) {
    if (isSettled) {
      if (!hasCallerLeft(call)) throw err;
      return undefined;
    }
    call.dispatch.failure = err;
    const ending = failedWith ?? endWithoutCharge(hasCallerLeft(call) ? "canceled" : "failed");
    span.set(describeEnding(ending, 0n));
    return { err, ending };
  }
}
