import { Counter, Gauge, type Registry } from "prom-client";
import type { BreakerState } from "./breaker.ts";
import type { Policies } from "./policies.ts";
import type { PolicyStats } from "./policy.ts";

const breakerStates: readonly BreakerState[] = ["closed", "open", "half_open"];

/** A figure of every policy that has it. */
interface Figure {
  readonly name: string;
  readonly help: string;
  readonly read: (stats: PolicyStats) => number | undefined;
}

const counters: readonly Figure[] = [
  { name: "calls_total", help: "Calls made through the policy.", read: ({ calls }) => calls },
  { name: "attempts_total", help: "Attempts of these calls.", read: ({ retry }) => retry?.attempts },
  { name: "retries_total", help: "Attempts that were repeats.", read: ({ retry }) => retry?.retries },
  {
    name: "retries_refused_total",
    help: "Repeats that the retry budget did not allow.",
    read: ({ retry }) => retry?.refusedByBudget,
  },
  { name: "breaker_opened_total", help: "Times that the breaker opened.", read: ({ breaker }) => breaker?.opened },
  { name: "breaker_refused_total", help: "Calls the breaker refused.", read: ({ breaker }) => breaker?.refused },
  { name: "bulkhead_refused_total", help: "Calls the bulkhead refused.", read: ({ bulkhead }) => bulkhead?.refused },
];

const gauges: readonly Figure[] = [
  { name: "bulkhead_in_flight", help: "Calls under way.", read: ({ bulkhead }) => bulkhead?.inFlight },
  { name: "bulkhead_queued", help: "Callers waiting for a place.", read: ({ bulkhead }) => bulkhead?.queued },
  {
    name: "retry_budget",
    help: "Retries that could be made now.",
    read: ({ retry }) => retry && retry.budgetMilli / 1_000,
  },
];

/**
 * Registers `<prefix>_<figure>{policy}` and `<prefix>_breaker_state{policy,state}`, which is 1 for the state that is.
 * Read from the policies' own numbers when somebody asks, so that a call pays nothing. Once per registry and prefix;
 * prom-client throws on the second time.
 */
export function registerPolicyMetrics(
  registry: Registry,
  policies: Pick<Policies, "stats">,
  prefix = "resilience",
): void {
  const fill = ({ read }: Figure, set: (labels: { policy: string }, value: number) => void) => {
    for (const [policy, stats] of policies.stats()) {
      const value = read(stats);
      if (value !== undefined) set({ policy }, value);
    }
  };
  for (const figure of counters) {
    new Counter({
      name: `${prefix}_${figure.name}`,
      help: figure.help,
      labelNames: ["policy"],
      registers: [registry],
      collect() {
        this.reset();
        fill(figure, (labels, value) => this.inc(labels, value));
      },
    });
  }
  for (const figure of gauges) {
    new Gauge({
      name: `${prefix}_${figure.name}`,
      help: figure.help,
      labelNames: ["policy"],
      registers: [registry],
      collect() {
        this.reset();
        fill(figure, (labels, value) => this.set(labels, value));
      },
    });
  }
  new Gauge({
    name: `${prefix}_breaker_state`,
    help: "1 for the state in which the breaker is.",
    labelNames: ["policy", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [policy, { breaker }] of policies.stats()) {
        if (!breaker) continue;
        for (const state of breakerStates) this.set({ policy, state }, Number(state === breaker.state));
      }
    },
  });
}
