import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { OpenCall, OpenCalls } from "../open-calls.ts";

/** A session among what this node has in flight. */
export interface OpenSession {
  /** Ends it at once; its signal is aborted with the failure that the client is to hear. */
  readonly abort: AbortController;
  /** Aborted when the node begins to stop: it is to end as soon as no response is under way. */
  readonly drain: AbortSignal;
  /** To be called once, when it is over. */
  leave(): void;
}

export function openSession(openCalls: Pick<OpenCalls, "begin" | "end">): OpenSession {
  const abort = new AbortController();
  const drain = new AbortController();
  const call: OpenCall = {
    abort: (failure) => abort.abort(failure),
    drain: () => drain.abort(new Failure(aiGatewayFailures.shutting_down)),
    ...{ previous: undefined, next: undefined },
  };
  openCalls.begin(call);
  return { abort, drain: drain.signal, leave: () => openCalls.end(call) };
}
