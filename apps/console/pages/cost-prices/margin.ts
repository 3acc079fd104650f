import type { ListCostPricesResponse, ListPricesResponse } from "../../api/gen/client.ts";

export type Cost = ListCostPricesResponse["data"][number];
export type Price = ListPricesResponse["data"][number];

/** A model at a provider: what it costs the platform, what callers pay, or only one of both. */
export interface Margin {
  readonly provider: string;
  readonly model: string;
  readonly cost: Cost | undefined;
  readonly price: Price | undefined;
}

export const rates = {
  input: "input_nanos_per_million",
  cached: "cached_input_nanos_per_million",
  output: "output_nanos_per_million",
} as const;
export type Rate = keyof typeof rates;

/** Whether tokens are what is charged: costs of anything else, such as seconds, are not kept by rate. */
function isByTokens({ terms }: Price): boolean {
  const paid = Object.entries(terms.rates).filter(([, nanos]) => nanos !== "0");
  return paid.length === 0 || paid.some(([bucket]) => ["input", "cache_read", "output"].includes(bucket));
}

/** Costs and prices side by side, by provider and model; of prices those of tokens. */
export function toMargins(costs: readonly Cost[], prices: readonly Price[]): readonly Margin[] {
  const keyOf = ({ provider, model }: Cost | Price) => JSON.stringify([provider, model]);
  const costByKey = new Map(costs.map((cost) => [keyOf(cost), cost]));
  const priceByKey = new Map(prices.filter(isByTokens).map((price) => [keyOf(price), price]));
  return [...new Set([...priceByKey.keys(), ...costByKey.keys()])].sort().map((key) => {
    const [cost, price] = [costByKey.get(key), priceByKey.get(key)];
    const [provider, model] = JSON.parse(key) as [string, string];
    return { provider, model, cost, price };
  });
}

/** What is charged for a million tokens, with the mark-up of the plan. */
export function chargedNanos({ terms, ...price }: Price, rate: Rate): bigint {
  return (BigInt(price[rates[rate]]) * (1_000_000n + BigInt(terms.markup_ppm))) / 1_000_000n;
}

/** What of a rate is left to the platform, as a share of the price; undefined where one is not known, or nothing is charged. */
export function shareOf({ cost, price }: Margin, rate: Rate): number | undefined {
  if (!cost || !price) return undefined;
  const [paid, charged] = [Number(cost[rates[rate]]), Number(chargedNanos(price, rate))];
  return charged === 0 ? undefined : (charged - paid) / charged;
}

/** Whether some rate is sold for less than it costs. */
export function isLoss({ cost, price }: Margin): boolean {
  if (!cost || !price) return false;
  return (Object.keys(rates) as Rate[]).some((rate) => BigInt(cost[rates[rate]]) > chargedNanos(price, rate));
}

export type State = "profit" | "loss" | "noCost" | "noPrice";

export function stateOf(margin: Margin): State {
  if (!margin.cost) return "noCost";
  if (!margin.price) return "noPrice";
  return isLoss(margin) ? "loss" : "profit";
}
