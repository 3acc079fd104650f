import type { ServerResponse } from "node:http";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { watchCaller } from "../call/watch-caller.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { OpenCall } from "../open-calls.ts";

/**
 * Does `work` until its caller leaves or this process stops: then its `abort` is aborted, with the Failure of the latter. Throws `shutting_down`
 * where it is stopping already, and what `work` throws.
 */
export async function runForCaller<Done>(
  { openCalls, clock }: Pick<AiGatewayDeps, "openCalls" | "clock">,
  res: ServerResponse,
  work: (abort: AbortController) => Promise<Done>,
): Promise<Done> {
  if (openCalls.isStopping) throw new Failure(aiGatewayFailures.shutting_down);
  const abort = new AbortController();
  const watch = watchCaller({ res, abort, clock }, () => 0);
  const open: OpenCall = {
    ...{ previous: undefined, next: undefined },
    abort: (failure) => abort.abort(failure),
  };
  openCalls.begin(open);
  try {
    return await work(abort);
  } finally {
    openCalls.end(open);
    watch.stop();
  }
}
