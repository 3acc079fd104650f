import type { ReportedUsage } from "../../dialects/openai/usage.ts";
import type { Wire } from "../wire.ts";

const digits = /^\d{1,9}$/;

/** Reads what a sound costs in characters from the first of these headers that has it. */
export function countCharactersIn(...names: readonly string[]): NonNullable<Wire["readHead"]> {
  return ({ find }): ReportedUsage | undefined => {
    const told = names.map((name) => find(name)).find((value) => value !== undefined && digits.test(value));
    if (told === undefined) return undefined;
    return {
      ...{ inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n },
      otherBuckets: { characters: BigInt(told) },
    };
  };
}
