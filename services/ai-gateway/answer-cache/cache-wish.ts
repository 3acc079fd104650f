import type { IncomingHttpHeaders } from "node:http";
import { cacheHeader } from "@lyss/contracts/calls/call-headers.ts";
import { refuseField } from "../call/refuse-field.ts";

export const maxAgeLimitSeconds = 2_592_000;

/** For the OpenAPI document. */
export const cacheHeaders = {
  [cacheHeader]:
    "Whether an answer that was given before may be given again: `max-age=3600` for one of the last hour, and this one is kept for as long; `no-cache` asks anew and keeps the answer; `no-store` does neither.",
};

/** What a call says of the cache. */
export interface CacheWish {
  /** Seconds; undefined for as long as the tenant says. */
  readonly maxAgeSeconds: number | undefined;
  readonly isRead: boolean;
  readonly isKept: boolean;
}

const wishPattern = /^(?:max-age=(\d{1,8})|no-cache|no-store)$/;

/** Undefined without the header. Throws `invalid_request` for what it cannot say. */
export function readCacheWish(headers: IncomingHttpHeaders): CacheWish | undefined {
  const said = headers[cacheHeader];
  if (said === undefined) return undefined;
  const words = String(said)
    .split(",", 3)
    .map((word) => word.trim().toLowerCase());
  const ages = words.map((word) => wishPattern.exec(word));
  const given = ages.flatMap((match) => (match?.[1] === undefined ? [] : [Number(match[1])]));
  const [maxAgeSeconds] = given;
  const isWrong = ages.includes(null) || given.length > 1 || words.length > 2;
  if (isWrong || (maxAgeSeconds !== undefined && (maxAgeSeconds < 1 || maxAgeSeconds > maxAgeLimitSeconds))) {
    throw refuseField(
      cacheHeader,
      `must be no-store, no-cache or max-age=SECONDS, from 1 to ${maxAgeLimitSeconds}`,
      `必须是 no-store、no-cache 或 max-age=秒数（1 到 ${maxAgeLimitSeconds}）`,
    );
  }
  const isStored = !words.includes("no-store");
  return { maxAgeSeconds, isRead: isStored && !words.includes("no-cache"), isKept: isStored };
}
