import { createHmac } from "node:crypto";
import { networkOf } from "@lyss/kit/http/network-of.ts";

/** How often sign-in failed of late for one account or one network address. */
export interface FailureCount {
  readonly failures: number;
  readonly lastFailedAt: Date;
}

/** When failures make wait, and for how long. */
export interface BackOffPolicy {
  readonly freeFailures: number;
  readonly maxWaitMs: number;
  readonly forgetAfterMs: number;
}

const firstWaitMs = 1_000;

/** The failures that still count. */
export function recentFailures(policy: BackOffPolicy, { failures, lastFailedAt }: FailureCount, nowMs: number): number {
  return nowMs - lastFailedAt.getTime() >= policy.forgetAfterMs ? 0 : failures;
}

/** How long to wait before the next attempt: nothing at first, then 1 s, doubled with each failure. */
export function waitMs(policy: BackOffPolicy, count: FailureCount, nowMs: number): number {
  const excess = recentFailures(policy, count, nowMs) - policy.freeFailures;
  if (excess < 0) return 0;
  const pauseMs = Math.min(firstWaitMs * 2 ** excess, policy.maxWaitMs);
  return Math.max(0, count.lastFailedAt.getTime() + pauseMs - nowMs);
}

/** What failures of an account are counted under, whether it exists or not. */
export function accountSubject(key: Buffer, email: string): string {
  return `account:${digest(key, email)}`;
}

/** What failures from a network address are counted under: an IPv6 customer has 2^64 of them, so their /64 counts. */
export function addressSubject(key: Buffer, address: string): string {
  return `address:${digest(key, networkOf(address))}`;
}

function digest(key: Buffer, text: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}
