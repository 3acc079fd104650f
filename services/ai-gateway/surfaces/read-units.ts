import { toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fieldOf, type ReportedUsage, readCount, readUsage } from "../dialects/openai/usage.ts";
import type { Surface } from "./surface.ts";
import type { Units } from "./units.ts";

interface MeasuredRequest {
  readonly surface: Surface;
  readonly units?: Units | undefined;
}

/** What a provider says that a call used, as the surface has it; undefined where it says nothing. */
export function readUsageOf({ surface, units }: MeasuredRequest, json: unknown): ReportedUsage | undefined {
  return surface === "rerank" ? readRerank(json, units) : readUsage(json);
}

/** Cohere bills searches (`meta.billed_units.search_units`), Jina and those like it tokens (`usage.total_tokens`). */
function readRerank(json: unknown, units: Units | undefined): ReportedUsage | undefined {
  const searches = readCount(fieldOf(fieldOf(fieldOf(json, "meta"), "billed_units"), "search_units"));
  const tokens = readCount(fieldOf(fieldOf(json, "usage"), "total_tokens"));
  if (searches === undefined && tokens === undefined) return undefined;
  // One who reports tokens alone may have a price for each search all the same.
  const requests = searches === undefined ? units?.likely.requests : BigInt(searches);
  const otherBuckets = toOtherQuantities({ requests: requests ?? 0n });
  return {
    ...{ inputTokens: BigInt(tokens ?? 0), cachedInputTokens: 0n, outputTokens: 0n },
    ...(otherBuckets && { otherBuckets }),
  };
}
