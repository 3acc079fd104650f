import type { Failure } from "@lyss/kit/errors/failure.ts";

/**
 * What the vendors' SDKs try again by themselves, unless an answer says that they should not: these, and all from 500 on. Claude Code
 * comes ten times with a key that is wrong.
 */
const retried: ReadonlySet<number> = new Set([401, 408, 409, 429]);

/**
 * Whether and when a call that failed may be tried again, for whole answers. Where a repeat is of no use, such as for a key of ours that a
 * provider refuses, `x-should-retry` keeps SDKs from making three calls of one.
 */
export function toRetryHeaders({ type, retryAfterMs }: Failure): Record<string, string> {
  const isRetried = type.httpStatus >= 500 || retried.has(type.httpStatus);
  return {
    ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) }),
    ...(isRetried && !type.isRetryable && retryAfterMs === undefined && { "x-should-retry": "false" }),
  };
}
