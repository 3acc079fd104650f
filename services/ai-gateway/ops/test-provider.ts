import { isFailure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { askForModels } from "../ask-for-models.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { getProvider, type ProviderName } from "./get-provider.ts";

export interface ProviderTest {
  readonly isReachable: boolean;
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;
  readonly latencyMs: number;
  /** Configured models that the provider does not list; empty when it lists none at all. */
  readonly missingModels: readonly string[];
}

const timeoutMs = 10_000;

/**
 * Asks a provider for its models with the stored key: a real request that costs nothing, made as the provider's policy
 * says. Throws `provider_not_found`, and what the policy refuses with.
 */
export async function testProvider(deps: AiGatewayDeps, input: ProviderName): Promise<ProviderTest> {
  const provider = getProvider(deps, input);
  const secret = await deps.credentials.secretOf(provider);
  const startedMs = deps.clock.monotonicMs();
  const latencyMs = () => Math.round(deps.clock.monotonicMs() - startedMs);
  const ask = (signal: AbortSignal) => askForModels(deps, provider, secret, signal);
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { status, body, isAccepted } = await deps.policies
      .policyOf(provider)
      .run(ask, { signal, isIdempotent: true });
    const listed = status === 200 ? readModelIds(body) : new Set<string>();
    const names = provider.models.map((model) => model.upstreamName);
    const missingModels = listed.size === 0 ? [] : names.filter((name) => !listed.has(name));
    return { isReachable: isAccepted, status, latencyMs: latencyMs(), missingModels };
  } catch (err) {
    if (isFailure(err, resilienceFailures.circuit_open) || isFailure(err, resilienceFailures.bulkhead_full)) throw err;
    deps.log.warn({ err, provider: provider.name }, "a provider could not be reached");
    return { isReachable: false, status: 0, latencyMs: latencyMs(), missingModels: [] };
  }
}

function readModelIds(body: Buffer): ReadonlySet<string> {
  try {
    const json = JSON.parse(body.toString("utf8"));
    // Google's list has another name, and its models bear it.
    const models = fieldOf(json, "data") ?? fieldOf(json, "models");
    if (!Array.isArray(models)) return new Set();
    return new Set(
      models.map((model) => String(fieldOf(model, "id") ?? fieldOf(model, "name")).replace(/^models\//, "")),
    );
  } catch {
    return new Set();
  }
}
