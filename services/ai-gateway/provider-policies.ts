import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { DegradationLevel } from "@lyss/kit/resilience/degradation-level.ts";
import { judgeError, type Verdict } from "@lyss/kit/resilience/judge-error.ts";
import { createPolicy, type Policy, type PolicyDeps, type PolicyStats } from "@lyss/kit/resilience/policy.ts";
import { type PolicyOptions, policySchema } from "@lyss/kit/resilience/policy-config.ts";
import type { Catalog } from "./catalog.ts";
import { defaultPolicies, type ResilienceSettings } from "./config.ts";
import { UpstreamStatus } from "./dialects/openai/upstream-failure.ts";
import type { Provider } from "./model.ts";

/** How each provider is called. Two providers never share a breaker or a place. */
export interface ProviderPolicies {
  policyOf(provider: Provider): Policy;
  /** By the policy's name: `provider.<name>`, or `provider.<name>@<tenant>` for a tenant's own. */
  find(name: string): Policy | undefined;
  /** New limits, for calls that begin from now on; breakers and places keep their state. */
  update(settings: ResilienceSettings): void;
  /** Drops those of providers that are gone. */
  prune(): void;
  stats(): ReadonlyMap<string, PolicyStats>;
  /** `reduced` while at least half of the shared providers that can have one have an open breaker. */
  level(): DegradationLevel;
}

interface Entry {
  readonly provider: Provider;
  readonly policy: Policy;
}

/** Policies as configured under the provider's own name, else under `provider`; made when they are first needed. */
export function createProviderPolicies(
  initial: ResilienceSettings,
  catalog: Catalog,
  deps: Pick<PolicyDeps, "clock" | "random" | "onBreakerChange">,
): ProviderPolicies {
  let settings = initial;
  const entries = new Map<string, Entry>();

  function optionsOf({ name }: Provider): PolicyOptions {
    const both = { ...defaultPolicies, ...settings.policies };
    return both[`provider.${name}`] ?? both["provider"] ?? withoutParts;
  }

  function policyOf(provider: Provider): Policy {
    const known = entries.get(provider.providerId);
    if (known) return known.policy;
    const policy = createPolicy(policyNameOf(provider), optionsOf(provider), { ...deps, judge: judgeProvider });
    entries.set(provider.providerId, { provider, policy });
    return policy;
  }

  return {
    policyOf,
    find(name) {
      const [, providerName, tenantId = ""] = /^provider\.([^@]+)(?:@(.+))?$/.exec(name) ?? [];
      const provider = providerName === undefined ? undefined : catalog.findProvider(tenantId, providerName);
      return provider?.tenantId === tenantId ? policyOf(provider) : undefined;
    },
    update(next) {
      settings = next;
      for (const { provider, policy } of entries.values()) policy.update(optionsOf(provider));
    },
    prune() {
      for (const [id, { provider }] of entries) {
        if (catalog.findProvider(provider.tenantId, provider.name)?.providerId !== id) entries.delete(id);
      }
    },
    stats: () => new Map([...entries.values()].map(({ policy }) => [policy.name, policy.stats()])),
    level() {
      const shared = [...entries.values()].filter(({ provider }) => provider.tenantId === "");
      const states = shared.flatMap(({ policy }) => policy.stats().breaker?.state ?? []);
      const open = states.filter((state) => state !== "closed").length;
      return open > 0 && open * 2 >= states.length ? "reduced" : "normal";
    },
  };
}

const withoutParts = policySchema.parse({});

function policyNameOf({ name, tenantId }: Provider): string {
  return tenantId === "" ? `provider.${name}` : `provider.${name}@${tenantId}`;
}

/** A provider that refuses our key, or has no such model, is well: one wrong name must not close the way to all others. */
export function judgeProvider(err: unknown): Verdict {
  if (isFailure(err, aiGatewayFailures.upstream_unauthorized)) return "success";
  const cause = isFailure(err) ? err.cause : undefined;
  return cause instanceof UpstreamStatus && cause.status < 500 ? "success" : judgeError(err);
}
