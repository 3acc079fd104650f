import { definePolicies } from "@lyss/kit/resilience/policies.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import { fromContextHeaders } from "@lyss/kit/rpc/context-headers.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import {
  bulkhead,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleAll,
  retry,
  TimeoutStrategy,
  timeout,
  wrap,
} from "cockatiel";
import CircuitBreaker from "opossum";
import type { Contestant } from "./contest.ts";

const timeoutMs = 10_000;
const attemptTimeoutMs = 5_000;
const maxConcurrent = 100;
const goalNs = 1_000;
/** Asynchronous, and done at once: what is measured is what stands around it. */
const answer = async () => "well";

/** What breaker, retry and bulkhead cost around a call that goes well, beside cockatiel and opossum. */
export function createResilienceContestants(): readonly Contestant[] {
  const parts = { retry: {}, bulkhead: { maxConcurrent }, breaker: {} };
  const policies = definePolicies(
    { breaker: { breaker: {} }, parts, timed: { ...parts, timeoutMs, attemptTimeoutMs } },
    { clock: systemClock, random: createRandom(systemClock) },
  );
  const [breaker, policy, timed] = ["breaker", "parts", "timed"].map((name) => policies.get(name));
  if (!breaker || !policy || !timed) throw new Error("a policy is missing");
  const backoff = new ExponentialBackoff();
  const createBreaker = () => circuitBreaker(handleAll, { halfOpenAfter: 10_000, breaker: new ConsecutiveBreaker(5) });
  const peer = wrap(retry(handleAll, { maxAttempts: 2, backoff }), bulkhead(maxConcurrent, 100), createBreaker());
  const timedPeer = wrap(
    timeout(timeoutMs, TimeoutStrategy.Aggressive),
    retry(handleAll, { maxAttempts: 2, backoff }),
    bulkhead(maxConcurrent, 100),
    createBreaker(),
    timeout(attemptTimeoutMs, TimeoutStrategy.Aggressive),
  );
  const lone = createBreaker();
  const other = new CircuitBreaker(answer, { timeout: false, capacity: maxConcurrent });
  const timedOther = new CircuitBreaker(answer, { timeout: timeoutMs, capacity: maxConcurrent });
  const parted = call("kit: breaker, retry, bulkhead", () => policy.run(answer));
  const context = fromContextHeaders(() => undefined, systemClock);
  return [
    call("the call alone, the floor", answer),
    call("kit: breaker", () => breaker.run(answer)),
    call("cockatiel: breaker", () => lone.execute(answer)),
    { ...parted, goalNs },
    // As every request of a service is.
    { name: "kit: the same in a call context", goalNs, run: (count) => runInContext(context, () => parted.run(count)) },
    call("cockatiel: breaker, retry, bulkhead", () => peer.execute(answer)),
    call("opossum: breaker, capacity", () => other.fire()),
    call("kit: all that and both time limits", () => timed.run(answer)),
    call("cockatiel: all that and both time limits", () => timedPeer.execute(answer)),
    call("opossum: breaker, capacity, time limit", () => timedOther.fire()),
  ];
}

function call(name: string, once: () => Promise<unknown>): Contestant {
  return {
    name,
    async run(count) {
      let found: unknown;
      for (let i = 0; i < count; i++) found = await once();
      if (found !== "well") throw new Error(`${name} lost the answer`);
    },
  };
}
