import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ImportState, PriceOrigin } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import type { CheckedRequest } from "@lyss/kit/rpc/checked-rpc.ts";
import { optionalIdInput, orEmpty, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import type { ImportLine } from "./import-prices.ts";
import { originMessages, toPriceMessage } from "./messages.ts";
import type { PricesOps } from "./ops.ts";
import type { PricePlan } from "./plan.ts";
import { planFields } from "./plan-fields.ts";
import type { PriceInput } from "./price.ts";
import { markupInput, maxInt64, termsInput } from "./rpc-inputs.ts";

const maxAheadMs = 3_600_000n;
const rate = z.bigint().min(0n).max(maxInt64);
const name = z.string().min(1).max(200);
const optionalPlan = orEmpty(planFields.name);
const tokenRates = z
  .object({ inputNanosPerMillion: rate, cachedInputNanosPerMillion: rate, outputNanosPerMillion: rate })
  .default({ inputNanosPerMillion: 0n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n });
const prices = z
  .array(z.object({ provider: name, model: name, rates: tokenRates, terms: termsInput.optional() }))
  .max(1_000);
const neededTime = timestampInput.refine((time) => time !== null);

/** Bounds of what the price book is asked for. */
export const priceInputs = {
  putPrices: {
    ...{ tenantId: optionalIdInput, plan: optionalPlan, origin: z.enum(PriceOrigin), effectiveAt: timestampInput },
    prices,
  },
  listPrices: {
    ...{ tenantId: optionalIdInput, provider: z.string().max(200), aheadMs: z.bigint().min(0n).max(maxAheadMs) },
  },
  listPriceVersions: {
    ...{ provider: name, model: name, tenantId: optionalIdInput, plan: optionalPlan, ...pageInputs },
  },
  estimateCosts: {
    ...{ tenantId: optionalIdInput, from: neededTime, to: neededTime, plan: optionalPlan, prices },
    markupPpm: markupInput.optional(),
  },
  importPrices: {
    ...{ tenantId: optionalIdInput, provider: z.string().max(200), isDryRun: z.boolean() },
    wishes: z
      .array(
        z.object({ provider: name, model: name, baseUrl: z.string().max(2_000), upstreamName: z.string().max(200) }),
      )
      .max(1_000),
  },
  putPlan: {
    ...{ name: planFields.name, description: planFields.description, markupPpm: markupInput },
    maxCreditLimitNanos: z.bigint().optional(),
  },
  getPlan: { name: planFields.name },
  listPlans: pageInputs,
  listPlanTenants: { name: planFields.name, ...pageInputs },
  assignPlan: { name: planFields.name, tenantId: planFields.tenantId },
  unassignPlan: { name: planFields.name, tenantId: planFields.tenantId },
};

type Request<Name extends keyof typeof priceInputs> = CheckedRequest<(typeof priceInputs)[Name]>;

/** The part of BillingService that is the price book. */
export function createPricesRpc(ops: PricesOps) {
  return {
    async putPrices({ tenantId, plan, origin, effectiveAt, prices: given }: Request<"putPrices">) {
      const put = await ops.putPrices({
        ...{ tenantId, plan, prices: given.map(toPriceInput), effectiveAt: effectiveAt ?? undefined },
        origin: fromOriginMessage(origin),
      });
      return { prices: put.map(toPriceMessage) };
    },
    async listPrices({ tenantId, provider, aheadMs }: Request<"listPrices">) {
      const found = await ops.listPrices({ tenantId, provider: provider || undefined, aheadMs: Number(aheadMs) });
      return { prices: found.map(toPriceMessage) };
    },
    async listPriceVersions({ limit, cursor, ...named }: Request<"listPriceVersions">) {
      const { rows, nextCursor } = await ops.listPriceVersions({ ...named, ...fromPageRequest({ limit, cursor }) });
      return { prices: rows.map(toPriceMessage), nextCursor: nextCursor ?? "" };
    },
    async estimateCosts(
      { tenantId, from, to, prices: given, plan, markupPpm }: Request<"estimateCosts">,
      { signal }: { readonly signal: AbortSignal },
    ) {
      const range = { tenantId: tenantId || undefined, fromMs: from?.getTime() ?? 0, toMs: to?.getTime() ?? 0 };
      const estimates = await ops.estimateCosts({ ...range, prices: given.map(toPriceInput), plan, markupPpm }, signal);
      return { estimates: [...estimates] };
    },
    async importPrices({ tenantId, provider, wishes, isDryRun }: Request<"importPrices">) {
      const named = wishes.map(({ baseUrl, upstreamName, ...wish }) => ({
        ...{ ...wish, baseUrl: baseUrl || undefined, upstreamName: upstreamName || undefined },
      }));
      const wanted = named.length > 0 ? named : undefined;
      const lines = await ops.importPrices({ tenantId, wishes: wanted, provider: provider || undefined, isDryRun });
      return { lines: lines.map(toImportLineMessage) };
    },
    putPlan: async (input: Request<"putPlan">) => ({ plan: toPlanMessage(await ops.putPlan(input)) }),
    getPlan: async (input: Request<"getPlan">) => ({ plan: toPlanMessage(await ops.getPlan(input)) }),
    async listPlans(request: Request<"listPlans">) {
      const { rows, nextCursor } = await ops.listPlans(fromPageRequest(request));
      return { plans: rows.map(toPlanMessage), nextCursor: nextCursor ?? "" };
    },
    async listPlanTenants(request: Request<"listPlanTenants">) {
      const page = { name: request.name, ...fromPageRequest(request) };
      const { rows, nextCursor } = await ops.listPlanTenants(page);
      const tenants = rows.map(({ tenantId, assignedAt }) => ({ tenantId, assignedAt: timestampFromDate(assignedAt) }));
      return { tenants, nextCursor: nextCursor ?? "" };
    },
    async assignPlan(input: Request<"assignPlan">) {
      await ops.assignPlan(input);
      return {};
    },
    async unassignPlan(input: Request<"unassignPlan">) {
      await ops.unassignPlan(input);
      return {};
    },
  };
}

function toPriceInput({ provider, model, rates, terms }: z.output<typeof prices>[number]): PriceInput {
  return terms ? { provider, model, terms } : { provider, model, ...rates };
}

function fromOriginMessage(message: PriceOrigin) {
  if (message === originMessages.operator) return "operator";
  return message === originMessages.catalog ? "catalog" : "provider";
}

const importStates: Readonly<Record<ImportLine["state"], ImportState>> = {
  new: ImportState.NEW,
  changed: ImportState.CHANGED,
  same: ImportState.SAME,
  kept: ImportState.KEPT,
  missing: ImportState.MISSING,
};

function toImportLineMessage({ provider, model, state, current, proposed }: ImportLine) {
  return {
    ...{ provider, model, state: importStates[state] },
    ...(current && { current: toPriceMessage(current) }),
    ...(proposed && { proposed: toTermsMessage(proposed) }),
  };
}

function toPlanMessage({ createdAt, ...plan }: PricePlan) {
  return { ...plan, createdAt: timestampFromDate(createdAt) };
}
