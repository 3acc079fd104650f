import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { toTerms } from "@lyss/contracts/pricing/token-price.ts";
import { createCache } from "@lyss/kit/cache/cache.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Registry } from "prom-client";

/** A version of a price as this node charges with it. */
export interface KnownPrice {
  readonly priceId: string;
  readonly terms: PriceTerms;
}

/** Prices, so that admitting a call does not wait for billing. */
export interface PriceCache {
  /** What a model costs a tenant now; at once when it is known. Undefined when it has no price. */
  priceOf(tenantId: string, provider: string, model: string): KnownPrice | undefined | Promise<KnownPrice | undefined>;
  /** Looks up anew what a tenant pays; an empty tenant id stands for all. */
  forget(tenantId: string): void;
  forgetAll(): void;
}

/** A new price is looked up after this, should its event be lost. */
const maxAgeMs = 60_000;
const maxEntries = 20_000;

export function createPriceCache(
  billing: Client<typeof BillingService>,
  { clock, random, metrics }: { readonly clock: Clock; readonly random: Random; readonly metrics: Registry },
): PriceCache {
  const books = createCache<ReadonlyMap<string, KnownPrice>>({
    name: "ai-gateway.price",
    ...{ clock, random, metrics, maxEntries, ttlMs: maxAgeMs },
  });

  async function load(tenantId: string, provider: string): Promise<ReadonlyMap<string, KnownPrice>> {
    const { prices } = await billing.listPrices({ tenantId, provider });
    return new Map(
      prices.flatMap(({ model, priceId, rates }) => (rates ? [[model, { priceId, terms: toTerms(rates) }]] : [])),
    );
  }

  return {
    priceOf(tenantId, provider, model) {
      const book = books.get(`${tenantId} ${provider}`, () => load(tenantId, provider), { tags: [tenantId] });
      return book instanceof Promise ? book.then((found) => found?.get(model)) : book?.get(model);
    },
    forget(tenantId) {
      void (tenantId === "" ? books.forgetAll() : books.forgetTags(tenantId));
    },
    forgetAll: () => void books.forgetAll(),
  };
}
