import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import type { PriceCatalog } from "./catalog.ts";
import { everyone, hasSameTerms, isNews, type Price } from "./price.ts";
import { type PutPricesDeps, putPrices } from "./put-prices.ts";

export interface ImportDeps extends PutPricesDeps {
  readonly catalog: PriceCatalog;
}

/** A model whose price is looked for in the catalog. */
export interface CatalogWish {
  readonly provider: string;
  readonly model: string;
  /** Where the provider is; without it, it is the catalog's provider of the same name. */
  readonly baseUrl?: string | undefined;
  /** What the provider calls the model, when that differs. */
  readonly upstreamName?: string | undefined;
}

export interface ImportPricesInput {
  readonly tenantId: string;
  /** The models wanted; where undefined, those that have a price that holds for all. At most 1,000. */
  readonly wishes?: readonly CatalogWish[] | undefined;
  /** With no wishes: only those of this provider. */
  readonly provider?: string | undefined;
  readonly isDryRun: boolean;
}

/**
 * What the catalog says of a model: `new` (it had no price), `changed`, `same`, `kept` (the catalog says something else, but a person or the
 * configuration has the word), `missing` (the catalog does not know it).
 */
export type ImportState = "new" | "changed" | "same" | "kept" | "missing";

export interface ImportLine {
  readonly provider: string;
  readonly model: string;
  readonly state: ImportState;
  /** What the usual input and output come to beside the current price; undefined where there are not two. */
  readonly direction: "lower" | "higher" | "mixed" | "equal" | undefined;
  readonly current: Price | undefined;
  readonly proposed: PriceTerms | undefined;
}

/** Compares prices with the catalog, and unless it is a dry run puts what is new or changed. A repeat writes nothing. */
export async function importPrices(deps: ImportDeps, input: ImportPricesInput): Promise<readonly ImportLine[]> {
  const { db, priceStore, catalog } = deps;
  const wishes = input.wishes ?? (await listWishes(deps, input.provider));
  const owner = { ...everyone, tenantId: input.tenantId };
  const lines = await db.transaction(async (tx) => {
    const histories = await priceStore.findHistories(tx, owner, wishes, undefined);
    return wishes.map((wish, i): ImportLine => {
      const { provider, model } = wish;
      const proposed = findTerms(catalog, wish);
      const history = histories[i];
      const current = history?.current;
      const line = { provider, model, current, proposed };
      if (!proposed) return { ...line, state: "missing", direction: undefined };
      if (!current) return { ...line, state: "new", direction: undefined };
      const direction = compare(current.terms, proposed);
      if (hasSameTerms(current.terms, proposed)) return { ...line, state: "same", direction };
      return { ...line, state: history && isNews(history, proposed, "catalog", false) ? "changed" : "kept", direction };
    });
  });
  const wanted = lines.flatMap(({ provider, model, state, proposed }) =>
    proposed && (state === "new" || state === "changed") ? [{ provider, model, terms: proposed }] : [],
  );
  if (!input.isDryRun && wanted.length > 0) {
    await putPrices(deps, { tenantId: input.tenantId, prices: wanted, origin: "catalog" });
  }
  return lines;
}

async function listWishes({ priceStore }: ImportDeps, provider: string | undefined): Promise<readonly CatalogWish[]> {
  const prices = await priceStore.listOwned(everyone);
  return prices
    .filter((price) => provider === undefined || price.provider === provider)
    .map((price) => ({ provider: price.provider, model: price.model }));
}

function findTerms(catalog: PriceCatalog, { provider, model, baseUrl, upstreamName = model }: CatalogWish) {
  const known = baseUrl === undefined ? provider : catalog.providerAt(baseUrl);
  return known === undefined ? undefined : catalog.findTerms(known, upstreamName);
}

function compare(current: PriceTerms, proposed: PriceTerms): NonNullable<ImportLine["direction"]> {
  const steps = new Set(
    (["input", "output"] as const).map((bucket) => {
      const [was, is] = [current.rates[bucket] ?? 0n, proposed.rates[bucket] ?? 0n];
      return is < was ? "lower" : is > was ? "higher" : "equal";
    }),
  );
  steps.delete("equal");
  const [only] = steps;
  return only === undefined ? "equal" : steps.size > 1 ? "mixed" : only;
}
