import type { Tx } from "@lyss/kit/db/database.ts";
import type { Price } from "./price.ts";
import type { PriceStore } from "./price-store.ts";

/** Versions by id. They never change, so one that was read once is known for good. */
export interface PriceVersions {
  /** At once when all are known; a version that does not exist is left out. */
  find(tx: Tx, priceIds: Iterable<string>): ReadonlyMap<string, Price> | Promise<ReadonlyMap<string, Price>>;
}

const maxKnownVersions = 100_000;

export function createPriceVersions(store: Pick<PriceStore, "findPricesById">): PriceVersions {
  const known = new Map<string, Price>();
  return {
    find(tx, priceIds) {
      const missing = new Set<string>();
      for (const id of priceIds) if (!known.has(id)) missing.add(id);
      if (missing.size === 0) return known;
      return store.findPricesById(tx, [...missing]).then((prices) => {
        if (known.size + prices.length <= maxKnownVersions) {
          for (const price of prices) known.set(price.priceId, price);
          return known;
        }
        // What this caller still needs of the old ones goes on being known to it.
        const all = new Map([...known, ...prices.map((price) => [price.priceId, price] as const)]);
        known.clear();
        return all;
      });
    },
  };
}
