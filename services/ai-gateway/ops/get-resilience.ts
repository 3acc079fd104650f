import type { DegradationStats } from "@lyss/kit/resilience/degradation.ts";
import type { PolicyStats } from "@lyss/kit/resilience/policy.ts";
import type { AiGatewayDeps } from "../deps.ts";

export interface ResilienceState {
  readonly node: string;
  readonly degradation: DegradationStats;
  readonly policies: ReadonlyMap<string, PolicyStats>;
}

/** How this process calls others, and how much it offers. */
export function getResilience({ node, degradation, policies }: AiGatewayDeps): ResilienceState {
  return { node, degradation: degradation.stats(), policies: policies.stats() };
}
