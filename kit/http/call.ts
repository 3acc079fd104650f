import type { OpenSpan } from "../observability/tracing.ts";
import type { CallContext } from "../rpc/call-context.ts";

/** One request as it comes in. `context.caller` is who a trusted peer says it is; the gate has not spoken yet. */
export interface Call {
  readonly requestId: string;
  readonly context: CallContext;
  readonly clientAddress: string;
  readonly startedMs: number;
  /** Ends with the answer; absent unless traces are wanted. */
  readonly span?: OpenSpan | undefined;
}
