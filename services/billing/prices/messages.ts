import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type Price as PriceMessage,
  PriceOrigin,
  PriceSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { type Bucket, rateOf } from "@lyss/contracts/pricing/price.ts";
import { toTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import type { PriceOrigin as Origin, Price } from "./price.ts";

/** How each origin is called on the wire. */
export const originMessages: Readonly<Record<Origin, PriceOrigin>> = {
  provider: PriceOrigin.PROVIDER,
  catalog: PriceOrigin.CATALOG,
  operator: PriceOrigin.OPERATOR,
};

/** A version as billing's contract carries it. */
export function toPriceMessage(price: Price): PriceMessage {
  const { priceId, provider, model, version, currency, tenantId, planId, terms, isInForce } = price;
  const rate = (bucket: Bucket) => rateOf(terms.rates, bucket);
  return create(PriceSchema, {
    ...{ priceId, provider, model, version, currency, tenantId, planId, isInForce },
    origin: originMessages[price.origin],
    terms: toTermsMessage(terms),
    rates: {
      inputNanosPerMillion: rate("input"),
      cachedInputNanosPerMillion: rate("cacheRead"),
      outputNanosPerMillion: rate("output"),
    },
    createdAt: timestampFromDate(price.createdAt),
    effectiveAt: timestampFromDate(price.effectiveAt),
  });
}
