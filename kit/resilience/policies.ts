import type { z } from "zod";
import { createPolicy, type Policy, type PolicyDeps, type PolicyStats } from "./policy.ts";
import { policiesSchema } from "./policy-config.ts";

/** Policies as they are written in a configuration, by their names. */
export type PoliciesConfig = z.input<typeof policiesSchema>;

/** The named policies of a process. */
export interface Policies {
  /** Throws a RangeError when there is none of that name. */
  get(name: string): Policy;
  /**
   * Puts `config` in the place of the old one, in calls that begin from now on. A policy whose name stays keeps the
   * state of its breaker, budget and bulkhead, and stays the same object. One whose name is gone is found no more, and
   * serves whoever still holds it. Throws a ZodError, and changes nothing, when `config` is not valid.
   */
  update(config: PoliciesConfig): void;
  stats(): ReadonlyMap<string, PolicyStats>;
}

/** Policies from a configuration. Throws a ZodError when it is not valid. */
export function definePolicies(config: PoliciesConfig, deps: PolicyDeps): Policies {
  const policies = new Map<string, Policy>();

  function update(next: PoliciesConfig): void {
    const parsed = new Map(Object.entries(policiesSchema.parse(next)));
    for (const name of policies.keys()) if (!parsed.has(name)) policies.delete(name);
    for (const [name, options] of parsed) {
      const existing = policies.get(name);
      if (existing) existing.update(options);
      else policies.set(name, createPolicy(name, options, deps));
    }
  }

  update(config);
  return {
    get(name) {
      const policy = policies.get(name);
      if (!policy) throw new RangeError(`no policy ${name}: there are ${[...policies.keys()].join(", ")}`);
      return policy;
    },
    update,
    stats: () => new Map([...policies].map(([name, policy]) => [name, policy.stats()])),
  };
}
