import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../rpc/call-context.ts";
import type { Call } from "./call.ts";
import type { Route } from "./route.ts";

/** A request whose sender is known, as far as that can be. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly call: Call;
  readonly route: Route<never>;
  /** Undefined for one without a credential, or with one that is not good. */
  readonly caller: Caller | undefined;
}

/**
 * Decides whether a request is served now: limits and load. Called once for each request to any route, before its body
 * is read; throws a Failure to refuse it, and may answer at once, without a promise. Headers that it wants in the answer,
 * whatever that is, are set by `setLastingHeader`.
 */
export type Intake = (arrival: Arrival) => void | Promise<void>;
