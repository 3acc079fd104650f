import type { Bucket, PriceTerms } from "@lyss/contracts/pricing/price.ts";
import type { OtherQuantities } from "@lyss/contracts/pricing/token-price.ts";

/** By which tokens a provider may charge what others charge by the unit. */
const tokensInPlace: { readonly [B in Bucket]?: readonly Bucket[] } = {
  requests: ["input"],
  seconds: ["input", "output"],
  characters: ["output", "audioOutput"],
  images: ["output", "imageOutput"],
};

/**
 * True when a price has a rate for what a call uses: of its own, which may be 0, or one above 0 of the tokens that stand in its place.
 * Without either the call would be free by accident.
 */
export function pricesUnits({ rates }: PriceTerms, fixed: OtherQuantities | undefined): boolean {
  if (!fixed) return true;
  const names = Object.keys(fixed) as Bucket[];
  return names.some(
    (name) => rates[name] !== undefined || tokensInPlace[name]?.some((token) => (rates[token] ?? 0n) > 0n),
  );
}
