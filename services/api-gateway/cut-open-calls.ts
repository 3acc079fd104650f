import { type Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { admit, type Guard } from "@lyss/kit/http/gate.ts";
import type { OpenExchange } from "@lyss/kit/http/intake.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";

export interface CutOpenCallsDeps {
  /** Visits every request under way whose sender is known. */
  readonly forEachOpen: (visit: (exchange: OpenExchange) => void) => void;
  readonly guard: Guard;
  readonly clock: Clock;
}

/** What takes less than this is over before it is worth asking for. */
const minAgeMs = 1_000;

/**
 * Asks again for whom streams and other long calls are served, and cuts those whose sender may not have them any more, as
 * if the client had left: they are settled like that. Those who speak on a WebSocket hear why. Most answers are remembered, so a look costs next to nothing. While auth
 * is away nothing is cut. Resolves when every question has been answered.
 */
export async function cutOpenCalls({ forEachOpen, guard, clock }: CutOpenCallsDeps): Promise<void> {
  const begunBeforeMs = clock.monotonicMs() - minAgeMs;
  const asked: Promise<unknown>[] = [];
  forEachOpen((exchange) => {
    if (exchange.startedMs > begunBeforeMs) return;
    const judged = judge(guard, exchange);
    if (judged instanceof Promise) asked.push(judged.then((refusal) => refusal && exchange.cut(refusal)));
    else if (judged) exchange.cut(judged);
  });
  await Promise.all(asked);
}

/** Why the sender is let in no more; undefined for one who is. */
function judge(guard: Guard, { headers, url, route }: OpenExchange): Refusal | Promise<Refusal> {
  try {
    const caller = admit(route, () => guard({ headers, url, isUnderWay: true }));
    return caller instanceof Promise ? caller.then(() => undefined, toRefusal) : undefined;
  } catch (err) {
    return toRefusal(err);
  }
}

type Refusal = Failure | undefined;

function toRefusal(err: unknown): Refusal {
  const refusals = [kitFailures.unauthenticated, kitFailures.permission_denied, kitFailures.impersonation_refused];
  return isFailure(err) && refusals.some((type) => isFailure(err, type)) ? err : undefined;
}
