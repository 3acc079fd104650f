import { type CostingDeps, type EstimateCostsInput, estimateCosts } from "./costing.ts";
import { type ImportDeps, type ImportPricesInput, importPrices } from "./import-prices.ts";
import {
  assignPlan,
  getPlan,
  listPlans,
  listPlanTenants,
  type PlanAssignment,
  type PlanDeps,
  type PutPlanInput,
  putPlan,
  unassignPlan,
} from "./plans.ts";
import { listPriceVersions, type PutPricesInput, putPrices } from "./put-prices.ts";

export type PricesDeps = PlanDeps & CostingDeps & ImportDeps;

/** Names a plan, or none. */
interface OfPlan {
  readonly plan?: string | undefined;
}

/** Binds the operations of the price book to what they need. */
export function createPricesOps(deps: PricesDeps) {
  const planIdOf = async ({ plan }: OfPlan) => (plan ? (await getPlan(deps, { name: plan })).planId : "");
  return {
    async putPrices(input: Omit<PutPricesInput, "planId"> & OfPlan) {
      return putPrices(deps, { ...input, planId: await planIdOf(input) });
    },
    listPrices: (input: { tenantId: string; provider: string | undefined; aheadMs?: number }) =>
      deps.priceStore.listPrices(input.tenantId, input.provider, input.aheadMs ?? 0),
    async listPriceVersions(
      input: Omit<Parameters<typeof listPriceVersions>[1], "planId" | "tenantId"> & OfPlan & { tenantId?: string },
    ) {
      const { tenantId = "", ...rest } = input;
      return listPriceVersions(deps, { ...rest, tenantId, planId: await planIdOf(input) });
    },
    estimateCosts: (input: EstimateCostsInput, signal?: AbortSignal) => estimateCosts(deps, input, signal),
    importPrices: (input: ImportPricesInput) => importPrices(deps, input),
    putPlan: (input: PutPlanInput) => putPlan(deps, input),
    getPlan: (input: { name: string }) => getPlan(deps, input),
    listPlans: (input: Parameters<typeof listPlans>[1]) => listPlans(deps, input),
    listPlanTenants: (input: Parameters<typeof listPlanTenants>[1]) => listPlanTenants(deps, input),
    assignPlan: (input: PlanAssignment) => assignPlan(deps, input),
    unassignPlan: (input: PlanAssignment) => unassignPlan(deps, input),
  };
}

export type PricesOps = ReturnType<typeof createPricesOps>;
