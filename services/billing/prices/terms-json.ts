import { type Bucket, buckets, type ModeRates, type PriceTerms, type Rates } from "@lyss/contracts/pricing/price.ts";
import { type OtherQuantities, toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";

type RatesJson = Readonly<Record<string, string>>;
type ModesJson = Readonly<Record<string, RatesJson>>;

/** Terms as the database keeps them: whole numbers are strings of digits. */
export interface TermsJson {
  readonly rates: RatesJson;
  readonly tiers?: readonly {
    readonly aboveInputTokens: string;
    readonly rates: RatesJson;
    readonly modes?: ModesJson;
  }[];
  readonly modes?: ModesJson;
  readonly windows?: readonly { readonly fromMinute: number; readonly toMinute: number; readonly rates: RatesJson }[];
  readonly markupPpm?: number;
}

/** Terms from the database, which has checked their shape. */
export function fromTermsJson({ rates, tiers, modes, windows, markupPpm }: TermsJson): PriceTerms {
  return {
    rates: fromRatesJson(rates),
    ...(tiers && {
      tiers: tiers.map((tier) => ({
        aboveInputTokens: BigInt(tier.aboveInputTokens),
        rates: fromRatesJson(tier.rates),
        ...(tier.modes && { modes: fromModesJson(tier.modes) }),
      })),
    }),
    ...(modes && { modes: fromModesJson(modes) }),
    ...(windows && { windows: windows.map((window) => ({ ...window, rates: fromRatesJson(window.rates) })) }),
    ...(markupPpm !== undefined && { markupPpm }),
  };
}

function fromModesJson(modes: ModesJson): ModeRates {
  return Object.fromEntries(Object.entries(modes).map(([mode, ofMode]) => [mode, fromRatesJson(ofMode)]));
}

function fromRatesJson(json: RatesJson): Rates {
  const rates: { [B in Bucket]?: bigint } = {};
  for (const bucket of buckets) if (json[bucket] !== undefined) rates[bucket] = BigInt(json[bucket]);
  return rates;
}

/** Quantities as a row has them: strings of digits by bucket, or null for none. */
export type OtherBucketsJson = Readonly<Record<string, string>> | null;

export function fromOtherBucketsJson(json: OtherBucketsJson): OtherQuantities | undefined {
  return json === null ? undefined : toOtherQuantities(fromRatesJson(json));
}
