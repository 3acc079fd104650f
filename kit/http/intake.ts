import type { IncomingHttpHeaders } from "node:http";
import type { Failure } from "../errors/failure.ts";
import type { Priority } from "../resilience/load-shed.ts";
import type { Caller } from "../rpc/call-context.ts";
import type { Route } from "./route.ts";

/** In which a request says that it is less urgent than its route, or more. */
export const priorityHeader = "x-lyss-priority";

/** A request whose sender is known, as far as that can be, and the answer that it will get. */
export interface Arrival {
  readonly headers: IncomingHttpHeaders;
  readonly clientAddress: string;
  /** By the clock's monotonic time. */
  readonly startedMs: number;
  readonly route: Route<never>;
  /** Undefined for one without a credential, or with one that is not good. */
  readonly caller: Caller | undefined;
  /** True when its client has left: nothing that is registered by `onEnd` will be called. */
  readonly isOver: boolean;
  /** A header, by its lower-case name, that the answer carries whatever it becomes. */
  setHeader(name: string, value: string): void;
  /** Calls back once when the answer has ended: with its status, or undefined where the client left before it began. */
  onEnd(ended: (status: number | undefined) => void): void;
}

/** A request under way whose sender is known. */
export interface OpenExchange {
  readonly headers: IncomingHttpHeaders;
  /** Path and query: a credential may stand there. */
  readonly url: string | undefined;
  readonly route: Pick<Route<never>, "method" | "permission" | "impersonation">;
  /** By the clock's monotonic time. */
  readonly startedMs: number;
  /** Ends it as if its client had left; a WebSocket's client hears why. */
  cut(why: Failure): void;
}

/**
 * Decides whether a request is served now: limits and load, and how urgent it is where it has to wait later on. Called once for each request
 * to any route, before its operation runs; throws a Failure to refuse it, and may answer at once, without a promise.
 */
export type Intake = (arrival: Arrival) => Priority | Promise<Priority>;
