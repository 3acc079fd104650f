import { ImportState } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toTerms } from "@lyss/contracts/pricing/token-price.ts";
import { toTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toImagePriceName } from "../funds/image-prices.ts";
import { type Model, type Provider, usdToNanos } from "../model.ts";

/** A model as the price book names it. */
export type ModelName = {
  readonly provider: string;
  readonly model: string;
};

/** As many as billing takes in one request. */
const maxAtOnce = 1_000;

/**
 * Puts the prices that models come with into the price book of a tenant, or of all where `tenantId` is empty. A model that comes
 * without takes that of the list of well-known prices, unless the book has a price from a person or from the configuration: that
 * one stays. Gives the models that have no price after that. A repeat writes nothing.
 */
export async function putModelPrices(
  { billing, log }: Pick<AiGatewayDeps, "billing" | "log">,
  tenantId: string,
  providers: readonly Pick<Provider, "name" | "baseUrl" | "models">[],
): Promise<readonly ModelName[]> {
  const prices = providers.flatMap(({ name, models }) => models.flatMap((model) => toPrices(name, model)));
  for (const some of inParts(prices)) await billing.putPrices({ tenantId, prices: some });

  const wishes = providers.flatMap(({ name, baseUrl, models }) =>
    models.flatMap(({ name: model, upstreamName, inputUsdPerMillion }) =>
      inputUsdPerMillion === undefined ? [{ provider: name, model, baseUrl, upstreamName }] : [],
    ),
  );
  const taken: ModelName[] = [];
  const unpriced: ModelName[] = [];
  for (const some of inParts(wishes)) {
    const { lines } = await billing.importPrices({ tenantId, wishes: some });
    for (const { provider, model, state, current } of lines) {
      if (state === ImportState.NEW || state === ImportState.CHANGED) taken.push({ provider, model });
      if (state === ImportState.MISSING && !current) unpriced.push({ provider, model });
    }
  }
  for (const [provider, models] of byProvider(taken)) {
    log.info({ provider, models }, "models have their prices from the list of well-known ones");
  }
  return unpriced;
}

/** The names of models under that of their provider. */
export function byProvider(models: readonly ModelName[]): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(models, ({ provider }) => provider);
  return new Map([...groups].map(([provider, ofProvider]) => [provider, ofProvider.map(({ model }) => model)]));
}

/** None of a model that comes without a price. */
function toPrices(provider: string, model: Model) {
  const price = toPrice(provider, model);
  if (!price) return [];
  const images = (model.imagePrices ?? []).map((form) => ({
    provider,
    model: toImagePriceName(model.name, form),
    // A rate is for a million.
    terms: toTermsMessage({ rates: { images: usdToNanos(form.usd) * 1_000_000n } }),
  }));
  const videos = (model.videoPrices ?? []).map(({ size, usdPerSecond }) => ({
    provider,
    model: toImagePriceName(model.name, { size }),
    terms: toTermsMessage({ rates: { seconds: usdToNanos(usdPerSecond) * 1_000_000n } }),
  }));
  return [price, ...images, ...videos];
}

/** Undefined for a model that comes without a price. */
function toPrice(provider: string, model: Model) {
  const { inputUsdPerMillion: input, cachedInputUsdPerMillion: cached = input, outputUsdPerMillion = "0" } = model;
  if (input === undefined || cached === undefined) return undefined;
  const rates = {
    inputNanosPerMillion: usdToNanos(input),
    cachedInputNanosPerMillion: usdToNanos(cached),
    outputNanosPerMillion: usdToNanos(outputUsdPerMillion),
  };
  const { unitUsdPerMillion } = model;
  if (!unitUsdPerMillion) return { provider, model: model.name, rates };
  const units = Object.entries(unitUsdPerMillion).map(([bucket, usd]) => [bucket, usdToNanos(usd)]);
  const terms = toTermsMessage({ rates: { ...toTerms(rates).rates, ...Object.fromEntries(units) } });
  return { provider, model: model.name, terms };
}

function* inParts<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += maxAtOnce) yield items.slice(at, at + maxAtOnce);
}
