import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { BillingService, Price } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { fromTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import { createCache } from "@lyss/kit/cache/cache.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Registry } from "prom-client";

/** A version of a price as this node charges with it. */
export interface KnownPrice {
  readonly priceId: string;
  readonly terms: PriceTerms;
  /** Where it stands under one of the names that were asked for besides the model's. */
  readonly name?: string;
}

/** A model as a tenant calls it. */
export interface PricedModel {
  readonly tenantId: string;
  readonly provider: string;
  readonly model: string;
  /** Under what its price may stand before its own name, the nearest first. */
  readonly priceNames?: readonly string[] | undefined;
}

/** Prices, so that admitting a call does not wait for billing. */
export interface PriceCache {
  /** What a model costs a tenant at a time near to now; at once when it is known. Undefined when it has no price. */
  priceOf(model: PricedModel, atMs: number): KnownPrice | undefined | Promise<KnownPrice | undefined>;
  /** Looks up anew what a tenant pays; an empty tenant id stands for all. */
  forget(tenantId: string): void;
  forgetAll(): void;
}

interface Version extends KnownPrice {
  readonly effectiveAtMs: number;
  /** The more it is the tenant's own, the more it counts. */
  readonly rank: number;
}

type Book = ReadonlyMap<string, readonly Version[]>;

/** A new price is looked up after this, should its event be lost. */
const maxAgeMs = 60_000;
/** A version that comes into effect while the cache lasts is known before, with room for a clock that is ahead. */
const aheadMs = 5n * BigInt(maxAgeMs);
const maxEntries = 20_000;

export function createPriceCache(
  billing: Client<typeof BillingService>,
  { clock, random, metrics }: { readonly clock: Clock; readonly random: Random; readonly metrics: Registry },
): PriceCache {
  const books = createCache<Book>({
    name: "ai-gateway.price",
    ...{ clock, random, metrics, maxEntries, ttlMs: maxAgeMs },
  });

  async function load(tenantId: string, provider: string): Promise<Book> {
    const { prices } = await billing.listPrices({ tenantId, provider, aheadMs });
    return new Map(
      Map.groupBy(prices, ({ model }) => model)
        .entries()
        .map(([model, versions]) => [model, versions.map(toVersion)] as const),
    );
  }

  return {
    priceOf({ tenantId, provider, model, priceNames }, atMs) {
      const find = (known: Book | undefined) => {
        for (const own of priceNames ?? []) {
          const version = versionAt(known?.get(own), atMs);
          if (version) return { ...version, name: own };
        }
        return versionAt(known?.get(model), atMs);
      };
      const name = `${tenantId} ${provider}`;
      const book = books.fresh(name) ?? books.get(name, () => load(tenantId, provider), { tags: [tenantId] });
      return book instanceof Promise ? book.then(find) : find(book);
    },
    forget(tenantId) {
      void (tenantId === "" ? books.forgetAll() : books.forgetTags(tenantId));
    },
    forgetAll: () => void books.forgetAll(),
  };
}

function toVersion({ priceId, terms, effectiveAt, tenantId, planId, isInForce }: Price): Version {
  return {
    priceId,
    terms: terms ? fromTermsMessage(terms) : { rates: {} },
    // By billing's clock, whatever this node's says.
    effectiveAtMs: isInForce || !effectiveAt ? 0 : timestampMs(effectiveAt),
    rank: tenantId !== "" ? 2 : planId !== "" ? 1 : 0,
  };
}

/** Of those in effect the one that is most the tenant's own, and of these the last. */
function versionAt(versions: readonly Version[] | undefined, atMs: number): KnownPrice | undefined {
  let found: Version | undefined;
  for (const version of versions ?? []) {
    if (version.effectiveAtMs <= atMs && (!found || version.rank >= found.rank)) found = version;
  }
  return found;
}
