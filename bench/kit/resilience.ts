import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
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

/** One way to make the same call. */
interface Contestant {
  readonly name: string;
  readonly call: () => Promise<unknown>;
  /** Inside a call context, as every request of a service is. */
  readonly isInContext?: boolean;
}

const timeoutMs = 10_000;
const attemptTimeoutMs = 5_000;
const maxConcurrent = 100;
/** Asynchronous, and done at once: what is measured is what stands around it. */
const answer = async () => "well";

/** What breaker, retry and bulkhead cost around a call that goes well, beside cockatiel and opossum. */
export async function runResilienceBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const rounds = isQuick ? 3 : 15;
  const count = isQuick ? 20_000 : 200_000;
  const contestants = createContestants();
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (const contestant of contestants) await measureNs(contestant, count);
  for (let round = 0; round < rounds; round++) {
    // The order changes each round, so that nobody always runs on a warm or a throttled machine.
    const turn = round % contestants.length;
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      times.get(contestant.name)?.push(await measureNs(contestant, count));
    }
  }
  const rows = [...times].map(([name, samples]) => {
    const sorted = samples.toSorted((a, b) => a - b);
    return `| ${name} | ${(sorted[sorted.length >> 1] ?? Number.NaN).toFixed(0)} | ${(sorted[0] ?? Number.NaN).toFixed(0)} |`;
  });
  const report = `# Breaker, retry and bulkhead around a call

Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, cockatiel ${versionOf("cockatiel")}, opossum ${versionOf("opossum")}; ${rounds} rounds of ${count} calls that go
well, one after the other.

| call | ns, median | ns, best round |
|---|---:|---:|
${rows.join("\n")}

\`npm run bench -- kit-resilience\`. The aim of the kit is 1,000 ns for breaker, retry and bulkhead. opossum has no retry; its
\`capacity\` is the bulkhead. The kit's breaker watches a window of 30 s, the others' as written. The retry of the kit keeps a
budget, and in a call context tells the layers inside that it repeats: that is one \`AsyncLocalStorage.run\`. A time limit is
an \`AbortController\` and a timer each. Other machines give other figures; look at the ratios.
`;
  console.log(report);
  writeFileSync(new URL(`../results/kit-resilience${isQuick ? "-quick" : ""}.md`, import.meta.url), report);
}

function createContestants(): readonly Contestant[] {
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
  return [
    { name: "the call alone, the floor", call: answer },
    { name: "kit: breaker", call: () => breaker.run(answer) },
    { name: "cockatiel: breaker", call: () => lone.execute(answer) },
    { name: "**kit: breaker, retry, bulkhead**", call: () => policy.run(answer) },
    { name: "**the same in a call context**", call: () => policy.run(answer), isInContext: true },
    { name: "**cockatiel: breaker, retry, bulkhead**", call: () => peer.execute(answer) },
    { name: "opossum: breaker, capacity", call: () => other.fire() },
    { name: "kit: all that and both time limits", call: () => timed.run(answer) },
    { name: "cockatiel: all that and both time limits", call: () => timedPeer.execute(answer) },
    { name: "opossum: breaker, capacity, time limit", call: () => timedOther.fire() },
  ];
}

function measureNs({ name, call, isInContext }: Contestant, count: number): Promise<number> {
  const measure = async () => {
    let found: unknown;
    const startMs = performance.now();
    for (let i = 0; i < count; i++) found = await call();
    const ns = ((performance.now() - startMs) * 1e6) / count;
    if (found !== "well") throw new Error(`${name} lost the answer`);
    return ns;
  };
  return runInContext(isInContext ? fromContextHeaders(() => undefined, systemClock) : undefined, measure);
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}
