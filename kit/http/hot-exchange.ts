import type { IncomingHttpHeaders } from "node:http";
import type { RouteMeter } from "../observability/metrics.ts";
import type { OpenSpan, Tracer } from "../observability/tracing.ts";
import { type CallContext, type Caller, runInContext } from "../rpc/call-context.ts";
import { fromTraceparent, isTraceparent } from "../rpc/context-headers.ts";
import type { Arrival, Intake, OpenExchange } from "./intake.ts";
import type { LaneReply } from "./lane/reply.ts";
import { toHeaderText } from "./lane/reply.ts";
import { localeOf } from "./locale.ts";
import type { HotExchange, HotFacts, RawRoute } from "./route.ts";
import { clientClosedStatus, noteEnd, replyTo, type Serving } from "./serving.ts";

/** What every request of a hot route is served with. */
export interface HotServing {
  readonly serving: Serving;
  readonly route: RawRoute<never>;
  readonly meter: RouteMeter;
  readonly tracer: Tracer | undefined;
}

/** A hot exchange over a lane, for the intake an arrival like any other. */
export class LaneExchange implements HotExchange, Arrival, OpenExchange {
  readonly facts: HotFacts;
  readonly route: RawRoute<never>;
  onLeave: (() => void) | undefined = undefined;
  span: OpenSpan | undefined = undefined;
  #hot: HotServing;
  #reply: LaneReply;
  #lasting: string;
  #status: number | undefined = undefined;
  #ended: ((status: number | undefined) => void)[] = [];
  #isOver: boolean;
  #context: CallContext | undefined = undefined;

  constructor(hot: HotServing, facts: HotFacts, reply: LaneReply) {
    this.#hot = hot;
    this.#reply = reply;
    this.facts = facts;
    this.route = hot.route;
    this.#lasting = `x-request-id: ${facts.requestId}\r\n`;
    this.#isOver = !reply.isOpen;
    reply.exchange = this;
    reply.onClose = () => this.#leave();
  }

  get headers(): IncomingHttpHeaders {
    return this.facts.headers;
  }

  /** Of a hot route no query says anything. */
  get url(): string {
    return this.route.path;
  }

  get clientAddress(): string {
    return this.facts.clientAddress;
  }

  get startedMs(): number {
    return this.facts.startedMs;
  }

  get caller(): Caller {
    return this.facts.caller;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get hasBegun(): boolean {
    return this.#status !== undefined;
  }

  // Made when it is first needed: for a trace, or for what a failure says.
  get context(): CallContext {
    const { headers, requestId, caller } = this.facts;
    this.#context ??= toContext(headers, caller, requestId);
    return this.#context;
  }

  /** Gives the request, untouched, to the ordinary way. Only while nothing was taken for it and nothing said. */
  handOver(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // What was looked up for it belongs to the trace, and the ordinary way opens a span of its own.
    this.span?.set({ "lyss.handed_over": true });
    this.span?.end();
    this.#reply.handOver();
  }

  setHeader(name: string, value: string): void {
    this.#lasting += toHeaderText({ [name]: value });
  }

  onEnd(ended: (status: number | undefined) => void): void {
    this.#ended.push(ended);
  }

  enter(goOn: () => void, giveUp: () => void): void {
    const refuse = (err: unknown) => {
      giveUp();
      this.fail(err);
    };
    let entering: ReturnType<Intake> | undefined;
    try {
      entering = this.#hot.serving.intake?.(this);
    } catch (err) {
      refuse(err);
      return;
    }
    const enter = () => (this.#isOver ? giveUp() : goOn());
    if (entering instanceof Promise) entering.then(enter, refuse);
    else enter();
  }

  answer(status: number, headers: string, bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#status = status;
    this.#reply.whole(status, this.#lasting + headers, bytes);
    this.#end();
  }

  begin(status: number, headers: string): void {
    if (this.#isOver) return;
    this.#status = status;
    this.#reply.start(status, this.#lasting + headers);
  }

  write(bytes: Uint8Array): boolean {
    return this.#reply.write(bytes);
  }

  set onDrain(drained: (() => void) | undefined) {
    this.#reply.onDrain = drained;
  }

  end(bytes?: Uint8Array): void {
    if (this.#isOver) return;
    this.#reply.end(bytes);
    this.#end();
  }

  fail(err: unknown): void {
    if (this.#isOver) return;
    if (this.hasBegun) {
      this.destroy();
      return;
    }
    const { serving, route } = this.#hot;
    const reply = replyTo(
      err,
      serving,
      { context: this.context, requestId: this.facts.requestId },
      route.toFailureReply,
    );
    this.answer(reply.status, toHeaderText(reply.headers), Buffer.from(reply.body));
  }

  destroy(): void {
    if (this.#isOver) return;
    this.#reply.destroy();
    this.#end();
  }

  cut(): void {
    this.#reply.cut();
  }

  /** Runs what serves the request in its span, where traces are wanted. */
  run<T>(serve: () => T): T {
    const { tracer, route } = this.#hot;
    if (!tracer) return serve();
    const isOrphan = !isTraceparent(this.headers["traceparent"]?.toString());
    const options = { kind: "server", isEdge: true, isOrphan, isStream: true } as const;
    this.span = tracer.open(route.operation, this.context, options);
    this.#context = this.span.context;
    return runInContext(this.#context, serve);
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#end();
    this.onLeave?.();
  }

  #end(): void {
    this.#isOver = true;
    const status = this.#status;
    const { serving, route, meter } = this.#hot;
    const { span } = this;
    const { startedMs, requestId } = this.facts;
    for (const ended of this.#ended) ended(status);
    const shown = status ?? clientClosedStatus;
    const traceId = this.#context?.traceId;
    noteEnd(serving, meter, { operation: route.operation, requestId, startedMs, mayStream: true, traceId }, shown);
    if (span) {
      span.set({ "http.request.method": route.method, "http.response.status_code": shown });
      if (shown >= 500) span.fail(String(shown));
      span.end();
    }
  }
}

/** The context of a request that comes in at the edge. */
export function toContext(headers: IncomingHttpHeaders, caller: Caller | undefined, requestId: string): CallContext {
  return {
    ...fromTraceparent(headers["traceparent"]?.toString()),
    caller,
    deadlineMs: undefined,
    locale: localeOf(headers["accept-language"]),
    requestId,
  };
}
