import type { IncomingHttpHeaders } from "node:http";
import { cacheHeader } from "@lyss/contracts/calls/call-headers.ts";
import { refuseField } from "../call/refuse-field.ts";

export const maxAgeLimitSeconds = 2_592_000;

/** For the OpenAPI document. */
export const cacheHeaders = {
  [cacheHeader]:
    "Whether an answer that was given before may be given again: `max-age=3600` for one of the last hour, and this one is kept for as long; `no-cache` asks anew and keeps the answer; `no-store` does neither. `exact` wants none to a question that is only alike, `min-similarity=0.97` one that is at least so near.",
};

/** What a call says of the cache. */
export interface CacheWish {
  /** Seconds; undefined for as long as the tenant says. */
  readonly maxAgeSeconds: number | undefined;
  readonly isRead: boolean;
  readonly isKept: boolean;
  /** Only what answered the same, not what is alike. */
  readonly isExact: boolean;
  /** Where the tenant wants it nearer, that counts; undefined for as near as the tenant says. */
  readonly minSimilarity: number | undefined;
}

const wishPattern = /^(?:max-age=(\d{1,8})|min-similarity=(0(?:\.\d{1,6})?|1(?:\.0{1,6})?)|no-cache|no-store|exact)$/;
const maxWords = 4;

/** Undefined without the header. Throws `invalid_request` for what it cannot say. */
export function readCacheWish(headers: IncomingHttpHeaders): CacheWish | undefined {
  const said = headers[cacheHeader];
  if (said === undefined) return undefined;
  const words = String(said)
    .split(",", maxWords + 1)
    .map((word) => word.trim().toLowerCase());
  const parts = words.map((word) => wishPattern.exec(word));
  const numbersAt = (at: number) => parts.flatMap((match) => (match?.[at] === undefined ? [] : [Number(match[at])]));
  const [ages, similarities] = [numbersAt(1), numbersAt(2)];
  const [[maxAgeSeconds], [minSimilarity]] = [ages, similarities];
  const isWrong = parts.includes(null) || ages.length > 1 || similarities.length > 1 || words.length > maxWords;
  if (isWrong || (maxAgeSeconds !== undefined && (maxAgeSeconds < 1 || maxAgeSeconds > maxAgeLimitSeconds))) {
    throw refuseField(
      cacheHeader,
      `must be no-store, no-cache, exact, min-similarity=0..1 or max-age=SECONDS, from 1 to ${maxAgeLimitSeconds}`,
      `必须是 no-store、no-cache、exact、min-similarity=0..1 或 max-age=秒数（1 到 ${maxAgeLimitSeconds}）`,
    );
  }
  const isStored = !words.includes("no-store");
  return {
    ...{ maxAgeSeconds, isRead: isStored && !words.includes("no-cache"), isKept: isStored },
    ...{ isExact: words.includes("exact"), minSimilarity },
  };
}
