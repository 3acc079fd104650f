import { pricesChanged } from "@lyss/contracts/events/billing.ts";
import type { BillingDeps } from "../deps.ts";
import type { NewPrice, Price, Rates } from "../model.ts";

export interface PriceInput extends Rates {
  readonly provider: string;
  readonly model: string;
}

export interface PutPricesInput {
  readonly tenantId: string;
  readonly prices: readonly PriceInput[];
}

/**
 * Makes each given price the tenant's current version for its provider and model; an empty tenant id stands for all. A price whose rates did not change keeps its
 * version, so a repeat writes nothing.
 */
export async function putPrices(
  { db, store, outbox, random, currency }: BillingDeps,
  { tenantId, prices }: PutPricesInput,
): Promise<readonly Price[]> {
  return db.transaction(async (tx) => {
    await store.lockPriceBook(tx);
    const names = prices.map(({ provider, model }) => ({ tenantId, provider, model }));
    const found = await store.findPrices(tx, names);
    const current = new Map(
      found.filter((price) => price.tenantId === tenantId).map((price) => [nameOf(price), price]),
    );
    const changed = prices.flatMap((input): NewPrice[] => {
      const known = current.get(nameOf(input));
      if (known && hasSameRates(known, input)) return [];
      return [{ ...input, tenantId, priceId: random.id("prc"), version: (known?.version ?? 0) + 1, currency }];
    });
    if (changed.length === 0) return found;
    await store.insertPrices(tx, changed);
    await outbox.append(tx, pricesChanged, { tenantId });
    return store.findPrices(tx, names);
  });
}

function nameOf({ provider, model }: { provider: string; model: string }): string {
  return JSON.stringify([provider, model]);
}

function hasSameRates(a: Rates, b: Rates): boolean {
  return (
    a.inputNanosPerMillion === b.inputNanosPerMillion &&
    a.cachedInputNanosPerMillion === b.cachedInputNanosPerMillion &&
    a.outputNanosPerMillion === b.outputNanosPerMillion
  );
}
