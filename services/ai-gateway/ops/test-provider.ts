import { isFailure } from "@lyss/kit/errors/failure.ts";
import { requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { readBody } from "../call/send-upstream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { pathAt } from "../model.ts";
import type { Probe } from "../providers/wire.ts";
import { wires } from "../providers/wires.ts";
import { getProvider, type ProviderName } from "./get-provider.ts";

export interface ProviderTest {
  readonly isReachable: boolean;
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;
  readonly latencyMs: number;
  /** Configured models that the provider does not list; empty when it lists none at all. */
  readonly missingModels: readonly string[];
}

const listing: Probe = { method: "GET", toEndpoint: () => "/models", accepted: [200] };
const timeoutMs = 10_000;
const maxBytes = 8_388_608;

/**
 * Asks a provider for its models with the stored key: a real request that costs nothing, made as the provider's policy
 * says. Throws `provider_not_found`, and what the policy refuses with.
 */
export async function testProvider(deps: AiGatewayDeps, input: ProviderName): Promise<ProviderTest> {
  const provider = getProvider(deps, input);
  const secret = await deps.credentials.secretOf(provider);
  const startedMs = deps.clock.monotonicMs();
  const latencyMs = () => Math.round(deps.clock.monotonicMs() - startedMs);
  const wire = wires[provider.dialect];
  const { method, toEndpoint, body: asked, accepted } = wire.probe ?? listing;
  const ask = async (signal: AbortSignal) => {
    const pool = deps.pools.poolOf(provider);
    const endpoint = toEndpoint(provider.models[0]?.upstreamName ?? "", provider);
    const sent = { method, path: pathAt(provider, endpoint), authority: pool.authority };
    const start = toRequestStart({
      ...sent,
      headers: {
        accept: "application/json",
        ...(asked && { "content-type": "application/json" }),
        ...wire.toHeaders(secret),
        ...wire.sign?.(secret, { ...sent, body: asked ?? Buffer.alloc(0), nowMs: deps.clock.nowMs() }),
      },
    });
    const answer = await requestAnswer(pool, composeRequest(start, asked), signal);
    return { status: answer.head.status, body: await readBody(answer, maxBytes) };
  };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { status, body } = await deps.policies.policyOf(provider).run(ask, { signal, isIdempotent: true });
    const listed = status === 200 ? readModelIds(body) : new Set<string>();
    const names = provider.models.map((model) => model.upstreamName);
    const missingModels = listed.size === 0 ? [] : names.filter((name) => !listed.has(name));
    return { isReachable: accepted.includes(status), status, latencyMs: latencyMs(), missingModels };
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
