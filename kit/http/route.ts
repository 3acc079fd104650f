import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import type { Failure, FailureType, Locale } from "../errors/failure.ts";
import type { OpenSpan } from "../observability/tracing.ts";
import type { Priority } from "../resilience/load-shed.ts";
import type { CallContext, Caller } from "../rpc/call-context.ts";
import type { FileAnswer } from "./file-answer.ts";
import type { LastWords } from "./join-sockets.ts";
import type { StreamAnswer } from "./stream-answer.ts";
import type { WholeAnswer } from "./whole-answer.ts";

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * `resource:action` that the caller must hold, `public` for everyone, or `caller` for whoever is known, whatever they may do.
 * Every route declares one.
 */
export type RoutePermission = "public" | "caller" | `${string}:${string}`;

/** What a route's calls are for when there is too much work; `essential` ones are never turned away for that. */
export type RoutePriority = Priority | "essential";

/** What a JSON handler is given: parsed, bounded and authorised. */
export interface JsonRequest<Body, Query, Params> {
  readonly body: Body;
  readonly query: Query;
  readonly params: Params;
  /** Undefined only on public routes to which no credential was sent. */
  readonly caller: Caller | undefined;
  /** Network address of the client's own connection, as the edge saw it: for counting, not for trust. */
  readonly clientAddress: string;
  /** How the client calls itself, at most 300 characters; empty when it does not. */
  readonly userAgent: string;
  /** The version that `If-Match` expects; undefined when any will do, and on routes without `versionOf`. */
  readonly expectedVersion: number | undefined;
  readonly locale: Locale;
  readonly requestId: string;
  /** The headers that the route reads, by their lower-case names, as far as they were sent. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Formats of a body besides JSON. A form's fields are texts, each given once (WHATWG URL, 5.1). */
export type BodyFormat = "application/x-www-form-urlencoded" | "application/scim+json";

/** What a JSON route may answer with. */
type JsonAnswer<Response extends z.ZodType> = z.input<Response> | FileAnswer | WholeAnswer | StreamAnswer;

/** A REST operation as data. Unknown fields in body and query are refused, so schemas are strict objects. */
export interface JsonRoute<
  Ops = never,
  Body extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Params extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
> {
  readonly kind: "json";
  readonly method: HttpMethod;
  /** OpenAPI form, `/v1/keys/{id}`. A suffix `:verb` is allowed on the last segment. */
  readonly path: string;
  readonly permission: RoutePermission;
  /**
   * For what whoever finds a signed-in browser must not do: the person has to have proven who they are in the last ten minutes, with a
   * second factor if they have one. `persons`: of everybody, and API keys are refused. `with_factors`: of people who have a second
   * factor; others, and keys, do what their permissions say.
   */
  readonly stepUp?: "persons" | "with_factors";
  /**
   * Whether an operator who acts in a person's name may do it. What only reads may be done; what changes something, or asks
   * for a proof of who it is, may not unless this says otherwise: credentials, factors, keys, rights and money are the person's own affair.
   */
  readonly impersonation?: "allowed";
  /** `interactive` unless given. */
  readonly priority?: RoutePriority;
  /** The operation's name, the same as in the RPC: `createKey`. Unique over all services. */
  readonly operation: string;
  readonly summary: string;
  readonly body?: Body;
  readonly query?: Query;
  readonly params?: Params;
  readonly response: Response;
  readonly successStatus?: 200 | 201 | 202 | 204;
  /** Content types of the files that the handler may answer with instead. */
  readonly files?: readonly string[];
  /** True where the handler may answer with a `StreamAnswer`: how long that takes says nothing of this process. */
  readonly mayStream?: true;
  /** Formats in which the body may come besides JSON. */
  readonly bodyFormats?: readonly BodyFormat[];
  /**
   * Request headers, by their lower-case names, that the handler is given. Only what a protocol demands: a cookie of its own,
   * a credential that is not the platform's.
   */
  readonly reads?: readonly string[];
  /**
   * True when a client may send an `Idempotency-Key` and repeat the request with it: the operation then goes through
   * kit/idempotency.
   */
  readonly takesIdempotencyKey?: boolean;
  /**
   * True where the path ends in its one parameter, or in that and a verb, and the parameter may hold slashes and colons, as names of models
   * do: written as they are, or encoded. Of one method no two such routes may begin alike.
   */
  readonly takesSlashes?: boolean;
  /**
   * For a `public` route whose callers show a credential that is not the platform's: asked before anything of the body is read, and
   * throws for who may not come in. The operation is still the one that decides; may be called again for the same request.
   */
  admit?(
    ops: Ops,
    request: Pick<JsonRequest<unknown, unknown, unknown>, "headers" | "clientAddress">,
  ): Promise<unknown>;
  /** The version of what the answer shows. Goes out as `ETag`; a change may send it back as `If-Match`. */
  versionOf?(body: z.output<Response>): number;
  /** Failures worth naming in the OpenAPI document besides the kit's own. */
  readonly failures?: readonly FailureType[];
  /** Errors in the dialect of the route's callers; in the platform's own shape unless given. */
  readonly toFailureReply?: ToFailureReply;
  handle(
    ops: Ops,
    request: JsonRequest<z.output<Body>, z.output<Query>, z.output<Params>>,
  ): Promise<JsonAnswer<Response>> | JsonAnswer<Response>;
}

/** True for a change of something that exists and has a version: `If-Match` is read. */
export function isConditional({ method, path, versionOf }: Pick<JsonRoute, "method" | "path" | "versionOf">): boolean {
  return versionOf !== undefined && method !== "GET" && path.includes("{");
}

/** A failure in the shape that the callers of a raw route understand. */
export interface FailureReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Any whole answer. */
export interface Reply extends Omit<FailureReply, "body" | "headers"> {
  readonly headers: WholeAnswer["headers"];
  readonly body: string | Buffer;
}

/** A failure as the reply that a route's callers understand. */
export type ToFailureReply = (
  failure: Failure,
  context: {
    readonly traceId: string;
    readonly requestId: string;
    readonly locale: Locale;
    readonly publicUrl?: string | undefined;
  },
) => FailureReply;

/** What stands in a path for its `{parameters}`. */
export type PathParams = Readonly<Record<string, string>>;

/** One call on a raw route. The handler owns `res` and must end it. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The whole request body, at most `bodyLimitBytes`; empty for GET. */
  readonly body: Buffer;
  readonly caller: Caller | undefined;
  readonly context: CallContext;
  readonly requestId: string;
  /** What stands in the path for the route's `{parameter}`, decoded. */
  readonly params: PathParams;
}

/** What is known of a request when it is asked whether it can be served hot. */
export interface HotFacts {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly clientAddress: string;
  readonly caller: Caller;
  readonly requestId: string;
  readonly startedMs: number;
}

/**
 * One request on a hot route, and its answer. Exactly one of `answer`, `begin` … `end`, `fail` and `destroy` ends it; what
 * comes after that, or after the client has left, does nothing. Nothing here is a promise.
 */
export interface HotExchange {
  readonly facts: HotFacts;
  /** True when the answer has ended or the client has left. */
  readonly isOver: boolean;
  /** True once something of an answer may have left: another cannot be given any more. */
  readonly hasBegun: boolean;
  readonly context: CallContext;
  /** Undefined unless traces are wanted. */
  readonly span: OpenSpan | undefined;
  /** Called once if the client leaves before the answer has ended. */
  onLeave: (() => void) | undefined;
  /** Called when a `write` that returned false has gone out. */
  onDrain: (() => void) | undefined;
  /**
   * Asks the intake, and goes on where it lets the request in: at once, unless the limits are counted elsewhere. Who is
   * refused is answered, after `giveUp` has given back what was taken for the request; so it is called for one whose client has
   * left meanwhile. To be called once, before all that follows.
   */
  enter(goOn: () => void, giveUp: () => void): void;
  /** The whole answer. `headers` is text that ends each line with CRLF; `bytes` belong to the connection from now on. */
  answer(status: number, headers: string, bytes: Uint8Array): void;
  /** Begins an answer of unknown length. */
  begin(status: number, headers: string): void;
  /** Bytes of an answer that has begun; they are copied. False when the client does not keep up. */
  write(bytes: Uint8Array): boolean;
  /** Ends an answer that has begun. */
  end(bytes?: Uint8Array): void;
  /** Answers whatever went wrong, in the route's dialect; cuts an answer that has begun. */
  fail(err: unknown): void;
  /** Cuts the connection. */
  destroy(): void;
}

/**
 * An operation that needs bytes and streams: model calls. Its path is exact, or has one `{parameter}`, in which slashes may stand
 * (kit/http/raw-paths.ts); only an exact one can be served hot.
 */
export interface RawRoute<Ops = never> {
  readonly kind: "raw";
  readonly method: HttpMethod;
  readonly path: string;
  readonly permission: RoutePermission;
  /**
   * Whether an operator who acts in a person's name may do it. What only reads may be done; what changes something, or asks
   * for a proof of who it is, may not unless this says otherwise: credentials, factors, keys, rights and money are the person's own affair.
   */
  readonly impersonation?: "allowed";
  /** `interactive` unless given. */
  readonly priority?: RoutePriority;
  readonly operation: string;
  readonly summary: string;
  readonly bodyLimitBytes: number;
  /** True when a client may send an `Idempotency-Key`: it stands in the exchange's context, and the handler sees to the rest. */
  readonly takesIdempotencyKey?: boolean;
  /** True where what is answered is a WebSocket (kit/http/web-socket.ts). */
  readonly isWebSocket?: true;
  /** True where the answer only waits for news: once let in it takes no place of the process's or of its key's, and whoever serves it bounds how many there are. */
  readonly isWaiting?: true;
  /**
   * What the client of its WebSocket hears at the edge when its sender may not go on and another process serves it; who serves it here
   * tells its client itself (`onCut`).
   */
  toLastWords?(failure: Failure, call: { readonly requestId: string; readonly locale: Locale }): LastWords;
  /** For the OpenAPI document only, as is the body; the handler reads them. */
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** In place of JSON. */
  readonly bodyType?: string;
  /** True where the handler reads the body from `req` as it comes, and counts it: `body` is then empty. */
  readonly streamsBody?: boolean;
  readonly response?: z.ZodType;
  /** Types of what may be answered in place of JSON. */
  readonly files?: readonly string[];
  /** Request headers that the handler reads, and what they say; for the OpenAPI document. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Errors before and inside the handler in the dialect of the route's callers; in the platform's own shape unless given. */
  readonly toFailureReply?: ToFailureReply;
  handle(ops: Ops, exchange: Exchange): Promise<void>;
  /**
   * The same operation without promises, for requests of the usual kind. False, with nothing taken and nothing said, for every
   * other: `handle` gets it then. A promise of that where something has to be looked up first. Must not throw or reject.
   */
  serveHot?(ops: Ops, exchange: HotExchange): boolean | Promise<boolean>;
}

export type Route<Ops = never> = JsonRoute<Ops> | RawRoute<Ops>;

/** Builders that tie a service's routes to its operations: `const { json, raw } = routesFor<BillingOps>()`. */
export function routesFor<Ops>() {
  return {
    json<Body extends z.ZodType, Query extends z.ZodType, Params extends z.ZodType, Response extends z.ZodType>(
      route: Omit<JsonRoute<Ops, Body, Query, Params, Response>, "kind">,
    ): Route<Ops> {
      return { ...route, kind: "json" } as unknown as JsonRoute<Ops>;
    },
    raw(route: Omit<RawRoute<Ops>, "kind">): Route<Ops> {
      return { ...route, kind: "raw" };
    },
  };
}
