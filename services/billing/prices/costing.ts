import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type CostEstimate, createEstimates, proposeTerms } from "./cost-estimate.ts";
import type { CostingStore } from "./costing-store.ts";
import type { PlanStore } from "./plan-store.ts";
import { getPlan } from "./plans.ts";
import { everyone, type PriceInput } from "./price.ts";
import type { PriceStore } from "./price-store.ts";

export interface CostingDeps {
  readonly costingStore: CostingStore;
  readonly priceStore: PriceStore;
  readonly planStore: PlanStore;
}

export interface EstimateCostsInput {
  /** All tenants when undefined. */
  readonly tenantId: string | undefined;
  readonly fromMs: number;
  /** Exclusive; at most 93 days after `fromMs`. */
  readonly toMs: number;
  /** Prices that are to be tried; at most 1,000. */
  readonly prices: readonly PriceInput[];
  /** A plan that is to be tried: its own prices, and its mark-up on those that hold for all. */
  readonly plan: string | undefined;
  /** In place of the plan's mark-up. */
  readonly markupPpm: number | undefined;
}

const maxDays = 93;
const dayMs = 86_400_000;

/**
 * What recorded calls would have cost with other prices, model by model: each call is charged anew, by bucket, tier, mode
 * and time of day, as it would have been. Streams over the rows, whatever their number; `signal` ends it. Throws
 * `plan_not_found`, and `kit.invalid_request` for a range that is empty or too long.
 */
export async function estimateCosts(
  deps: CostingDeps,
  input: EstimateCostsInput,
  signal?: AbortSignal,
): Promise<readonly CostEstimate[]> {
  if (input.fromMs >= input.toMs) throw invalidRange("must lie before 'to'", "必须早于 to");
  if (input.toMs - input.fromMs > maxDays * dayMs) {
    throw invalidRange(`must be at most ${maxDays} days before 'to'`, `与 to 的间隔不得超过 ${maxDays} 天`);
  }
  const proposed = await readProposal(deps, input);
  const estimates = createEstimates(proposed);
  for await (const calls of deps.costingStore.streamCalls(input)) {
    signal?.throwIfAborted();
    for (const call of calls) estimates.add(call);
  }
  return estimates.list();
}

/** The proposed terms by model. */
async function readProposal(
  { priceStore, planStore }: CostingDeps,
  { plan: planName, markupPpm, prices }: EstimateCostsInput,
): Promise<ReadonlyMap<string, PriceTerms>> {
  const plan = planName === undefined ? undefined : await getPlan({ planStore }, { name: planName });
  const markup = markupPpm ?? plan?.markupPpm;
  return proposeTerms({
    prices,
    markupPpm: markup,
    general: markup === undefined ? [] : await priceStore.listOwned(everyone),
    own: plan ? await priceStore.listOwned({ tenantId: "", planId: plan.planId }) : [],
  });
}

function invalidRange(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "from", reason, reason_zh_CN });
}
