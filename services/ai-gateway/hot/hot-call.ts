import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";
import type { AnswerHandler, UpstreamCall } from "@lyss/kit/http/upstream/upstream-call.ts";
import type { UpstreamError } from "@lyss/kit/http/upstream/upstream-error.ts";
import { noteError, type OpenSpan } from "@lyss/kit/observability/tracing.ts";
import { createTimerEntry, type TimerEntry } from "@lyss/kit/service/timer-wheel.ts";
import { type Ending, endWithoutCharge } from "../call/call.ts";
import { describeAnswered, describeCall, describeEnding } from "../call/call-span.ts";
import { counterFor } from "../call/count-tokens.ts";
import { createDispatch, type Dispatch, estimateCounted, noteAnswering } from "../call/dispatch.ts";
import { type CallRequest, readRequest } from "../call/read-request.ts";
import { toCallFailure } from "../call/send-upstream.ts";
import { settleCall } from "../call/settle-call.ts";
import { findUpstreamRequestId } from "../call/upstream-request-id.ts";
import { noteLeft } from "../choices/choice.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Funds } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import type { LimitPlace } from "../model-limits/model-limits.ts";
import type { OpenCall } from "../open-calls.ts";
import { surfaces } from "../surfaces/surface.ts";
import type { Admitted } from "./admitted.ts";
import { createAnswerReader } from "./answer-reader.ts";
import type { BodyReader, RelayedCall } from "./body-reader.ts";
import { createErrorReader } from "./error-reader.ts";
import { failWithoutAnswer } from "./hot-keep-alive.ts";
import { findNextAttempt, type NextAttempt } from "./next-attempt.ts";
import { createStreamReader } from "./stream-reader.ts";

const nothing = () => {};
const canceled = new Failure(kitFailures.canceled);

/**
 * One call from its admission to its settlement, driven by callbacks: on disk → sent → answered → settled. Whatever happens,
 * its money is settled, its place given back and its caller answered, each once. It does what `serveCall` does; beside each
 * stage stands what it must not skip.
 */
export class HotCall implements AnswerHandler, RelayedCall, OpenCall {
  /** What is served hot. */
  readonly operation = surfaces.chat.operation;
  readonly deps: AiGatewayDeps;
  readonly exchange: HotExchange;
  readonly admitted: Admitted;
  readonly dispatch: Dispatch = createDispatch();
  /** Why it was ended from here: a Failure that the caller is to hear, or that there is no caller any more. */
  reason: unknown = undefined;
  hasCallerLeft = false;
  previous: OpenCall | undefined = undefined;
  next: OpenCall | undefined = undefined;
  #funds: Funds | undefined = undefined;
  #upstream: UpstreamCall | undefined = undefined;
  #reader: BodyReader | undefined = undefined;
  #isSettled = false;
  /** True while another target is looked for: whoever leaves or ends the call meanwhile is noted. */
  #isGoingOn = false;
  /** True once another attempt goes on for this one. */
  #isContinued = false;
  #sentMs = 0;
  #limit: TimerEntry | undefined = undefined;
  #parsed: CallRequest | undefined = undefined;
  #span: OpenSpan | undefined = undefined;

  constructor(deps: AiGatewayDeps, exchange: HotExchange, admitted: Admitted) {
    this.deps = deps;
    this.exchange = exchange;
    this.admitted = admitted;
  }

  /** Begins. Called once. */
  run(): void {
    const { place, drawn, limited } = this.admitted;
    this.exchange.enter(
      () => this.#record(),
      () => {
        drawn.cancel();
        place.end();
        limited?.cancel();
      },
    );
  }

  /** Begins as a call that was let in before it had a place. Called once. */
  runAdmitted(): void {
    this.#record();
  }

  /** Begins as the next attempt of a call that was let in and is paid for. `reason` is why nobody wants it any more. Called once. */
  goOn(funds: Funds, reason: unknown): void {
    this.dispatch.onAnswering = this.deps.failOver.giveBack;
    this.#span = this.#openSpan();
    this.deps.openCalls.begin(this);
    this.exchange.onLeave = () => this.leave();
    this.reason = reason;
    this.hasCallerLeft = reason === canceled;
    this.#send(funds);
  }

  get callId(): string {
    return this.admitted.callId;
  }

  get target(): Target {
    return this.admitted.target;
  }

  get startedMs(): number {
    return this.exchange.facts.startedMs;
  }

  get limited(): LimitPlace | undefined {
    return this.admitted.limited;
  }

  get funds(): Funds {
    if (!this.#funds) throw new TypeError("a call has funds from its record on");
    return this.#funds;
  }

  get parsed(): CallRequest {
    this.#parsed ??= readRequest("chat", this.admitted.request.body);
    return this.#parsed;
  }

  /** From here on a crash finds the attempt, and a stop of the process waits for the call or ends it. */
  #record(): void {
    const { deps, exchange, admitted } = this;
    this.#span = this.#openSpan();
    deps.openCalls.begin(this);
    exchange.onLeave = () => this.leave();
    admitted.drawn.begin().then(
      (funds) => this.#send(funds),
      (err: unknown) => {
        this.#release();
        this.limited?.cancel();
        if (this.#span) {
          noteError(this.#span, err);
          this.#span.end();
        }
        exchange.fail(err);
        deps.openCalls.end(this);
      },
    );
  }

  /** Nothing leaves without what pays for it. */
  #send(funds: Funds): void {
    const { deps, admitted } = this;
    this.#funds = funds;
    this.#sentMs = deps.clock.monotonicMs();
    deps.metrics.of(this.target).begin(this.#sentMs);
    // Ended while it was written down: nothing leaves.
    if (this.reason !== undefined) {
      this.failWithoutAnswer(this.reason);
      return;
    }
    const { timeoutMs, attemptTimeoutMs } = admitted.place;
    const limitMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, attemptTimeoutMs ?? Number.POSITIVE_INFINITY);
    // Without its caller it has a limit already.
    if (limitMs !== Number.POSITIVE_INFINITY && !this.hasCallerLeft) this.#startLimit(limitMs);
    admitted.keepAlive?.start();
    this.dispatch.unanswered = 1;
    this.#upstream = admitted.pool.send(admitted.message, this);
  }

  onHead(head: ResponseHead): void {
    const { deps, target, admitted } = this;
    deps.metrics.of(target).observeFirstByte(deps.clock.monotonicMs() - this.#sentMs);
    this.#span?.set(describeAnswered(findUpstreamRequestId(head)));
    if (head.status !== 200) {
      // The provider has said that it served nothing.
      this.dispatch.unanswered = 0;
      this.#reader = createErrorReader(this, head);
      return;
    }
    const refusal = refuseHead(head, target, admitted.request.isStream);
    if (refusal?.isOfProvider) admitted.place.judge(refusal.failure);
    else admitted.place.judge();
    this.#extendLimit();
    if (refusal) this.giveUp(refusal.failure);
    else this.#reader = admitted.request.isStream ? createStreamReader(this) : createAnswerReader(this, head);
  }

  onData(bytes: Buffer): void {
    try {
      this.#reader?.onData(bytes);
    } catch (err) {
      this.giveUp(err);
    }
  }

  onEnd(): void {
    this.#upstream = undefined;
    try {
      this.#reader?.onEnd();
    } catch (err) {
      this.#fail(err);
    }
  }

  onError(err: UpstreamError): void {
    this.#upstream = undefined;
    if (!err.mayHaveLeft) this.dispatch.unanswered = 0;
    this.#fail(err);
  }

  /** Ends what goes on upstream and fails with `err`. */
  giveUp(err: unknown): void {
    if (this.#upstream) this.admitted.pool.abort(this.#upstream);
    this.#upstream = undefined;
    this.#fail(err);
  }

  finishUpstream(): void {
    if (this.#upstream) this.admitted.pool.finish(this.#upstream);
    this.#upstream = undefined;
  }

  pauseUpstream(): void {
    if (this.#upstream) this.admitted.pool.pause(this.#upstream);
  }

  resumeUpstream(): void {
    if (this.#upstream) this.admitted.pool.resume(this.#upstream);
  }

  /** For the node's stop and for time limits: the caller hears why. */
  abort(failure: unknown): void {
    if (this.#isSettled || this.reason !== undefined) return;
    this.reason = failure;
    // While the attempt is written down, or the next is looked for, its end waits for that.
    if (this.#funds && !this.#isGoingOn) this.giveUp(failure);
  }

  leave(): void {
    if (this.hasCallerLeft) return;
    this.hasCallerLeft = true;
    const { provider } = this.target;
    if (provider.onDisconnect === "drain") {
      this.#startLimit(this.deps.settings.drainLimitMs);
      // Nobody is waited for any more.
      this.resumeUpstream();
    } else {
      this.abort(canceled);
    }
  }

  noteFirstToken(): void {
    noteAnswering(this.dispatch);
    this.dispatch.firstTokenAtMs = this.deps.clock.monotonicMs();
  }

  settle(ending: Ending, then: () => void): void {
    this.#isSettled = true;
    this.#release();
    if (!this.#isContinued) {
      this.admitted.keepAlive?.stop();
      const { callId, choice, tried } = this.admitted;
      this.deps.choices.end({ tenantId: this.exchange.facts.caller.tenantId, callId }, choice, tried);
    }
    if (ending.outcome === "completed") {
      noteAnswering(this.dispatch);
      this.deps.failOver.noteAnswer(this.target);
      this.deps.affinity.note(this.admitted.conversation, this.target);
    }
    settleCall(this.deps, this, ending, () => this.#estimate()).then((costNanos) => {
      this.#span?.set(describeEnding(ending, costNanos));
      this.#span?.end();
      then();
      // Last of all: a stop waits for the answer, too.
      this.deps.openCalls.end(this);
    });
  }

  failWithoutAnswer(failure: unknown): void {
    this.dispatch.failure = failure;
    noteLeft(this.admitted.choice, this.target, failure, true);
    if (this.hasCallerLeft) {
      this.settle(endWithoutCharge("canceled"), () => this.exchange.fail(failure));
      return;
    }
    this.#isGoingOn = true;
    this.reason = undefined;
    this.#release();
    findNextAttempt(this, failure).then(
      (next) => this.#endFailed(failure, next),
      (err) => this.#endFailed(err, undefined),
    );
  }

  /** The next attempt begins before this one ends, so that the call is open all the while. */
  #endFailed(failure: unknown, next: NextAttempt | undefined): void {
    if (!next) {
      const outcome = this.hasCallerLeft ? "canceled" : "failed";
      this.settle(endWithoutCharge(outcome), () => failWithoutAnswer(this.exchange, this.reason ?? failure));
      return;
    }
    this.#isContinued = true;
    const reason = this.hasCallerLeft ? canceled : this.reason;
    new HotCall(this.deps, this.exchange, next.admitted).goOn(next.funds, reason);
    this.settle(endWithoutCharge("failed"), nothing);
  }

  #fail(err: unknown): void {
    if (this.#isSettled || this.#isGoingOn) return;
    const failure = toCallFailure(this.deps, this.target, err, this.reason);
    this.dispatch.failure = failure;
    if (!this.hasCallerLeft) this.admitted.place.judge(failure);
    if (this.#span) noteError(this.#span, failure);
    if (this.#reader) this.#reader.onFail(failure);
    else this.failWithoutAnswer(failure);
  }

  async #estimate(): Promise<TokenCounts> {
    return estimateCounted({ counter: await counterFor(this.target.provider), request: this.parsed });
  }

  /** It takes nobody's place any more. */
  #release(): void {
    if (this.#limit) this.deps.wheel.stop(this.#limit);
    this.admitted.place.end();
  }

  #startLimit(timeoutMs: number): void {
    if (this.#limit) this.deps.wheel.stop(this.#limit);
    this.#limit = createTimerEntry(() =>
      this.abort(this.hasCallerLeft ? canceled : new Failure(kitFailures.deadline_exceeded, { timeoutMs })),
    );
    this.deps.wheel.start(timeoutMs, this.#limit);
  }

  /** The limit of an attempt ends with the head of its answer; that of the whole goes on. */
  #extendLimit(): void {
    const { timeoutMs, attemptTimeoutMs } = this.admitted.place;
    if (attemptTimeoutMs === undefined || !this.#limit || this.hasCallerLeft) return;
    this.deps.wheel.stop(this.#limit);
    const leftMs = timeoutMs === undefined ? undefined : this.#sentMs + timeoutMs - this.deps.clock.monotonicMs();
    if (leftMs !== undefined) this.#startLimit(Math.max(0, leftMs));
  }

  #openSpan(): OpenSpan | undefined {
    const context = this.exchange.span?.context;
    if (!context?.tracer) return undefined;
    const { callId, request, target } = this.admitted;
    const { tenantId } = this.exchange.facts.caller;
    const { name, ...description } = describeCall({
      ...{ callId, tenantId, target },
      request: { surface: "chat", model: request.model },
    });
    return context.tracer.open(name, context, description);
  }
}

/** Why an answer with status 200 is none; of its provider, if another call would get the same. */
function refuseHead(
  head: ResponseHead,
  { model }: Target,
  isStream: boolean,
): { readonly failure: Failure; readonly isOfProvider: boolean } | undefined {
  const failure = () => new Failure(aiGatewayFailures.upstream_failed, { model: model.name });
  if (head.find("content-encoding") !== undefined) return { failure: failure(), isOfProvider: true };
  const isEvents = !isStream || head.find("content-type")?.startsWith("text/event-stream") === true;
  return isEvents ? undefined : { failure: failure(), isOfProvider: false };
}
