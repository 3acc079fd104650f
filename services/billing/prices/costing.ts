import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { callTerms, costOf, type PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { ChargedCall, CostingStore } from "./costing-store.ts";
import type { PlanStore } from "./plan-store.ts";
import { everyone, type PriceInput, termsOf, withMarkup } from "./price.ts";
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

/** What the calls of a model came to, and what they would have. */
export interface CostEstimate {
  readonly provider: string;
  readonly model: string;
  readonly calls: bigint;
  /** At the prices at which they were charged, whether the wallets could pay or not. */
  readonly chargedNanos: bigint;
  readonly proposedNanos: bigint;
  /** Calls that would cost less, and more. */
  readonly cheaper: bigint;
  readonly dearer: bigint;
  /** Calls of which nothing is proposed; they count at what was charged. */
  readonly unchanged: bigint;
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
  const sums = new Map<string, { -readonly [K in keyof CostEstimate]: CostEstimate[K] }>();
  for await (const calls of deps.costingStore.streamCalls(input)) {
    signal?.throwIfAborted();
    for (const call of calls) add(sums, call, proposed.get(nameOf(call)));
  }
  return [...sums.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/** The proposed terms by model. */
async function readProposal(
  { priceStore, planStore }: CostingDeps,
  input: EstimateCostsInput,
): Promise<ReadonlyMap<string, PriceTerms>> {
  const plan = input.plan === undefined ? undefined : await planStore.findPlan(input.plan);
  if (input.plan !== undefined && !plan) throw new Failure(billingFailures.plan_not_found, { plan: input.plan });
  const markupPpm = input.markupPpm ?? plan?.markupPpm;
  const terms = new Map<string, PriceTerms>();
  const tried = input.prices.map((price) => [nameOf(price), termsOf(price)] as const);
  if (markupPpm !== undefined) {
    const general = await priceStore.listOwned(everyone);
    for (const price of general) terms.set(nameOf(price), withMarkup(price.terms, markupPpm));
    for (const [name, ofModel] of tried) terms.set(name, withMarkup(ofModel, markupPpm));
  } else {
    for (const [name, ofModel] of tried) terms.set(name, ofModel);
  }
  if (plan) {
    const own = await priceStore.listOwned({ tenantId: "", planId: plan.planId });
    for (const price of own) terms.set(nameOf(price), price.terms);
  }
  return terms;
}

function add(
  sums: Map<string, { -readonly [K in keyof CostEstimate]: CostEstimate[K] }>,
  call: ChargedCall,
  terms: PriceTerms | undefined,
): void {
  const name = nameOf(call);
  let sum = sums.get(name);
  if (!sum) {
    const nothing = { calls: 0n, chargedNanos: 0n, proposedNanos: 0n, cheaper: 0n, dearer: 0n, unchanged: 0n };
    sum = { provider: call.provider, model: call.model, ...nothing };
    sums.set(name, sum);
  }
  const { chargedNanos } = call;
  const when = callTerms(call.startedAtMs, call.serviceMode);
  const proposedNanos = terms ? costOf(terms, toQuantities(call), when).costNanos : chargedNanos;
  sum.calls++;
  sum.chargedNanos += chargedNanos;
  sum.proposedNanos += proposedNanos;
  if (!terms) sum.unchanged++;
  else if (proposedNanos < chargedNanos) sum.cheaper++;
  else if (proposedNanos > chargedNanos) sum.dearer++;
}

/** A NUL is in no name: PostgreSQL's text cannot hold one. */
function nameOf({ provider, model }: { readonly provider: string; readonly model: string }): string {
  return `${provider}\0${model}`;
}

function invalidRange(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "from", reason, reason_zh_CN });
}
