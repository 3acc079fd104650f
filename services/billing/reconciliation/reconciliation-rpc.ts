import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import type { CheckedRequest, MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import type { CostPrice, ProviderCost } from "../provider-cost/provider-cost.ts";
import { toDifferenceMessage } from "./difference-message.ts";
import type { Reconciliation } from "./reconciliation.ts";
import type { ReconciliationOps } from "./reconciliation-ops.ts";
import { dayPattern } from "./report.ts";

type Methods =
  | "putCostPrices"
  | "listCostPrices"
  | "listProviderCosts"
  | "reconcileProvider"
  | "getReconciliation"
  | "listReconciliations";

const amount = z
  .bigint()
  .min(0n)
  .max(2n ** 63n - 1n);
/** PostgreSQL has no text with a NUL in it. */
const name = z
  .string()
  .max(200)
  .regex(/^[^\0]*$/);
const requiredName = name.min(1);
export const reconciliationInputs = {
  putCostPrices: {
    prices: z
      .array(
        z.object({
          ...{ provider: requiredName, model: requiredName, inputNanosPerMillion: amount },
          ...{ cachedInputNanosPerMillion: amount, outputNanosPerMillion: amount },
        }),
      )
      .max(1_000),
  },
  listCostPrices: { provider: name, ...pageInputs },
  listProviderCosts: { callId: requiredName },
  reconcileProvider: {
    provider: requiredName,
    lines: z
      .array(
        z.object({
          ...{ day: z.string().max(10).regex(dayPattern), model: requiredName, account: name, requestId: name },
          ...{ inputTokens: amount, cachedInputTokens: amount, outputTokens: amount, costNanos: amount },
        }),
      )
      .min(1)
      .max(10_000),
    toleranceNanos: amount,
    tolerancePpm: z.int().min(0).max(1_000_000),
  },
  getReconciliation: { reconciliationId: idInput },
  listReconciliations: { provider: name, ...pageInputs },
} satisfies Pick<MethodInputs<typeof BillingService>, Methods>;

type Request<Name extends Methods> = CheckedRequest<(typeof reconciliationInputs)[Name]>;

/** What BillingService offers for what providers cost. */
export function createReconciliationRpc(ops: ReconciliationOps) {
  return {
    async putCostPrices({ prices }: Request<"putCostPrices">) {
      const inputs = prices.map(({ provider, model, ...rates }) => ({
        ...{ provider, model },
        rates: {
          input: rates.inputNanosPerMillion,
          cacheRead: rates.cachedInputNanosPerMillion,
          output: rates.outputNanosPerMillion,
        },
      }));
      return { prices: (await ops.putCostPrices({ prices: inputs })).map(toCostPrice) };
    },
    async listCostPrices({ provider, ...request }: Request<"listCostPrices">) {
      const page = await ops.listCostPrices({ provider: provider || undefined, ...fromPageRequest(request) });
      return { prices: page.rows.map(toCostPrice), nextCursor: page.nextCursor ?? "" };
    },
    listProviderCosts: async (request: Request<"listProviderCosts">) => ({
      costs: (await ops.listProviderCosts(request)).map(toProviderCost),
    }),
    async reconcileProvider(request: Request<"reconcileProvider">) {
      const { provider, lines, toleranceNanos: nanos, tolerancePpm: ppm } = request;
      return {
        reconciliation: toReconciliation(await ops.reconcileProvider({ provider, lines, tolerance: { nanos, ppm } })),
      };
    },
    getReconciliation: async (request: Request<"getReconciliation">) => ({
      reconciliation: toReconciliation(await ops.getReconciliation(request)),
    }),
    async listReconciliations({ provider, ...request }: Request<"listReconciliations">) {
      const page = await ops.listReconciliations({ provider: provider || undefined, ...fromPageRequest(request) });
      return { reconciliations: page.rows.map(toReconciliation), nextCursor: page.nextCursor ?? "" };
    },
  } satisfies Record<Methods, unknown>;
}

function toCostPrice({ costPriceId, provider, model, version, currency, rates, createdAt }: CostPrice) {
  const price = {
    ...{ provider, model, inputNanosPerMillion: rates.input ?? 0n },
    cachedInputNanosPerMillion: rates.cacheRead ?? 0n,
    outputNanosPerMillion: rates.output ?? 0n,
  };
  return { costPriceId, price, version, currency, createdAt: timestampFromDate(createdAt) };
}

function toProviderCost({ startedAt, costNanos, tenantId, otherBuckets, ...cost }: ProviderCost) {
  return { ...cost, ...(costNanos !== undefined && { costNanos }), startedAt: timestampFromDate(startedAt) };
}

function toReconciliation({ state, differences, createdAt, toleranceNanos, tolerancePpm, ...run }: Reconciliation) {
  return {
    ...run,
    isMatched: state === "matched",
    differences: differences.map(toDifferenceMessage),
    createdAt: timestampFromDate(createdAt),
  };
}
