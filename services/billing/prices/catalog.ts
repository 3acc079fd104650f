import type { Bucket, ModeRates, PriceTerms, Rates } from "@lyss/contracts/pricing/price.ts";
import file from "./catalog.json" with { type: "json" };
import { fromTermsJson, type TermsJson } from "./terms-json.ts";

/** A list of what well-known models cost, by provider. */
export interface PriceCatalog {
  /** Where the prices come from, and of which day. */
  readonly source: string;
  readonly pricesOf: string;
  /** The provider of the catalog that answers at this address; undefined when none does. */
  providerAt(baseUrl: string): string | undefined;
  /** The price of a model by any of its exact names; undefined when it is not known. */
  findTerms(provider: string, model: string): PriceTerms | undefined;
  /** Each model of a provider under its first name; empty for a provider that is not known. */
  listModels(provider: string): readonly string[];
  readonly providers: readonly string[];
}

interface CatalogFile {
  readonly source: string;
  readonly license: string;
  readonly pricesOf: string;
  readonly providers: readonly {
    readonly name: string;
    readonly hosts: readonly string[];
    readonly models: readonly { readonly names: readonly string[]; readonly terms: TermsJson }[];
  }[];
}

export function createPriceCatalog({ source, license, pricesOf, providers }: CatalogFile): PriceCatalog {
  const byHost = new Map(providers.flatMap(({ name, hosts }) => hosts.map((host) => [host, name] as const)));
  const models = new Map(
    providers.map(({ name, models: ofProvider }) => [
      name,
      new Map(ofProvider.flatMap(({ names, terms }) => names.map((it) => [it, terms] as const))),
    ]),
  );
  return {
    source: `${source}, ${license}`,
    pricesOf,
    providers: providers.map(({ name }) => name),
    providerAt: (baseUrl) => (URL.canParse(baseUrl) ? byHost.get(new URL(baseUrl).hostname) : undefined),
    findTerms(provider, model) {
      const terms = models.get(provider)?.get(model);
      return terms && withBatchRates(provider, fromTermsJson(terms));
    },
    listModels: (provider) =>
      providers.find(({ name }) => name === provider)?.models.flatMap(({ names }) => names.slice(0, 1)) ?? [],
  };
}

const sold: readonly Bucket[] = ["input", "output"];

/**
 * Who takes half for answers within a day, and of what; whatever else a price names costs in batches what it costs (read in November 2026):
 * - OpenAI, platform.openai.com/docs/guides/batch: what goes in and out. Discounts on what comes from a cache are not said to add up.
 * - Anthropic, platform.claude.com/docs/en/build-with-claude/batch-processing: all tokens, and the discounts of its cache add up.
 * - Google, ai.google.dev/gemini-api/docs/batch-api: all but what comes from a cache, which costs the same there.
 * - Groq, console.groq.com/docs/batch: discounts do not add up; what comes from its cache costs half in any case.
 * - Mistral, docs.mistral.ai/capabilities/batch, and Fireworks, fireworks.ai/blog/batch-api: what goes in and out.
 */
const halvedInBatches: ReadonlyMap<string, readonly Bucket[]> = new Map([
  ["openai", sold],
  ["anthropic", [...sold, "cacheRead", "cacheWrite5m", "cacheWrite1h"]],
  ["google", [...sold, "reasoning", "audioInput", "audioOutput", "imageInput", "imageOutput"]],
  ...["groq", "mistral", "fireworks"].map((name) => [name, sold] as const),
]);

/** As they are where the price depends on the time of day: rates of a mode would take the place of a window's. */
function withBatchRates(provider: string, terms: PriceTerms): PriceTerms {
  const halved = halvedInBatches.get(provider);
  if (!halved || terms.windows || terms.rates.input === undefined) return terms;
  const withBatch = <T extends { readonly rates: Rates; readonly modes?: ModeRates }>(of: T): T => ({
    ...of,
    modes: { ...of.modes, batch: halve(of.rates, halved) },
  });
  return withBatch({ ...terms, ...(terms.tiers && { tiers: terms.tiers.map(withBatch) }) });
}

/** Of those buckets that are named. */
function halve(rates: Rates, halved: readonly Bucket[]): Rates {
  const batch: { [B in Bucket]?: bigint } = {};
  for (const bucket of halved) {
    const rate = rates[bucket];
    if (rate !== undefined) batch[bucket] = halfOf(rate);
  }
  return batch;
}

/** Rounded up: nothing is sold for less than it costs. */
function halfOf(nanos: bigint): bigint {
  return (nanos + 1n) / 2n;
}

/** The catalog that comes with Lyss (written by `tools/import-price-catalog.ts`). */
export const priceCatalog = createPriceCatalog(file as unknown as CatalogFile);
