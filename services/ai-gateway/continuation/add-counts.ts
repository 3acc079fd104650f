import type { OtherQuantities, TokenCounts } from "@lyss/contracts/pricing/token-price.ts";

/** What two parts of an answer took, bucket by bucket. */
export function addCounts(one: TokenCounts, other: TokenCounts): TokenCounts {
  const names = new Set([...Object.keys(one.otherBuckets ?? {}), ...Object.keys(other.otherBuckets ?? {})]);
  const bucketsOf = ({ otherBuckets }: TokenCounts): Readonly<Record<string, bigint | undefined>> => otherBuckets ?? {};
  const sums = [...names].map((name) => [name, (bucketsOf(one)[name] ?? 0n) + (bucketsOf(other)[name] ?? 0n)]);
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedInputTokens: one.cachedInputTokens + other.cachedInputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    ...(sums.length > 0 && { otherBuckets: Object.fromEntries(sums) as OtherQuantities }),
  };
}
