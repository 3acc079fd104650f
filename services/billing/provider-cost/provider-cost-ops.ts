import type { Rates } from "@lyss/contracts/pricing/price.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import {
  type CostPrice,
  fromRatesJson,
  hasSameRates,
  type NewCostPrice,
  type ProviderCost,
  providerCostNanos,
} from "./provider-cost.ts";
import type { AttemptRow, ModelName, ProviderCostStore } from "./provider-cost-store.ts";

export interface ProviderCostDeps {
  readonly db: Database;
  readonly sql: Database["sql"];
  readonly providerCosts: ProviderCostStore;
  readonly random: Random;
  readonly currency: string;
}

export type CostPriceInput = ModelName & { readonly rates: Rates };

/**
 * Makes each given price the one at which a provider's model costs us from now on. Rates that did not change keep their version, so a
 * repeat writes nothing. What came before stays at the price that was in force then.
 */
export async function putCostPrices(
  { db, providerCosts, random, currency }: ProviderCostDeps,
  { prices }: { readonly prices: readonly CostPriceInput[] },
): Promise<readonly CostPrice[]> {
  const nameOf = ({ provider, model }: ModelName) => JSON.stringify([provider, model]);
  return db.transaction(async (tx) => {
    await providerCosts.lockCostPrices(tx);
    const known = new Map((await providerCosts.findCostPrices(tx, prices)).map((price) => [nameOf(price), price]));
    const changed = prices.flatMap((input): NewCostPrice[] => {
      const current = known.get(nameOf(input));
      if (current && hasSameRates(current.rates, input.rates)) return [];
      return [{ ...input, costPriceId: random.id("cpr"), version: (current?.version ?? 0) + 1, currency }];
    });
    if (changed.length > 0) await providerCosts.insertCostPrices(tx, changed);
    return providerCosts.findCostPrices(tx, prices);
  });
}

/** The prices in force, by provider and model. */
export async function listCostPrices(
  { providerCosts }: ProviderCostDeps,
  { provider, limit, cursor }: PageRequest & { readonly provider: string | undefined },
): Promise<Page<CostPrice>> {
  const [afterProvider, afterModel] = decodeCursor(cursor, 2) ?? [];
  const after =
    afterProvider !== undefined && afterModel !== undefined
      ? { provider: afterProvider, model: afterModel }
      : undefined;
  const rows = await providerCosts.listCostPrices({ provider, after, limit: limit + 1 });
  return toPage(rows, limit, (row) => [row.provider, row.model]);
}

/** What each attempt of a call cost us, in order; none when the call is not known. */
export async function listProviderCosts(
  { sql, providerCosts }: ProviderCostDeps,
  { callId }: { readonly callId: string },
): Promise<readonly ProviderCost[]> {
  return (await providerCosts.findAttempts(sql, [callId])).map(toProviderCost);
}

/** What is known of an attempt now. */
export function toProviderCost(row: AttemptRow): ProviderCost {
  const { callId, attempt, tenantId, provider, model, outcome, isCharged, startedAt, costPriceId } = row;
  const recorded = row.rates ? providerCostNanos(fromRatesJson(row.rates), row) : undefined;
  const isCorrected = row.corrections > 0;
  return {
    ...{ callId, attempt, tenantId, provider, model, outcome, isCharged, startedAt, costPriceId: costPriceId ?? "" },
    inputTokens: row.inputTokens + row.addedInput,
    cachedInputTokens: row.cachedInputTokens + row.addedCachedInput,
    outputTokens: row.outputTokens + row.addedOutput,
    isEstimated: row.isEstimated && !isCorrected,
    costNanos: recorded === undefined && !isCorrected ? undefined : (recorded ?? 0n) + row.addedNanos,
  };
}
