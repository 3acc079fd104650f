import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { maxNetworkLength, parseNetwork } from "@lyss/kit/http/network-list.ts";
import { z } from "zod";

export const keyBudgetPeriods = ["hour", "day", "month", "total"] as const;

/** The most that a key may spend in a period. */
export interface KeyBudget {
  /** Decimal, in units of the currency. */
  readonly limit: string;
  readonly period: (typeof keyBudgetPeriods)[number];
}

/** How much a key may use, and from where. Null and empty for no limit. */
export interface KeyLimits {
  readonly requestsPerMinute: number | null;
  readonly maxConcurrentRequests: number | null;
  readonly tokensPerMinute: number | null;
  readonly budget: KeyBudget | null;
  /** Addresses and networks. */
  readonly allowedIps: readonly string[];
  readonly allowedOrigins: readonly string[];
}

export const unlimited: KeyLimits = {
  ...{ requestsPerMinute: null, maxConcurrentRequests: null, tokensPerMinute: null, budget: null },
  ...{ allowedIps: [], allowedOrigins: [] },
};

export function isUnlimited({ allowedIps, allowedOrigins, ...counts }: KeyLimits): boolean {
  return allowedIps.length + allowedOrigins.length === 0 && Object.values(counts).every((limit) => limit === null);
}

const network = z
  .string()
  .max(maxNetworkLength)
  .refine(
    (text) => parseNetwork(text) !== undefined,
    inBothLanguages(
      "must be an IP address or a network such as 203.0.113.0/24 or 2001:db8::/32",
      "必须是 IP 地址或网段，例如 203.0.113.0/24 或 2001:db8::/32",
    ),
  );
const origin = z
  .string()
  .max(200)
  .refine(
    isOrigin,
    inBothLanguages(
      "must be an origin such as https://app.example.com, without a path",
      "必须是来源，例如 https://app.example.com，不含路径",
    ),
  );
const amount = z
  .string()
  .max(19)
  .regex(
    /^\d{1,9}(\.\d{1,9})?$/,
    inBothLanguages("must be a decimal number such as 25 or 0.50", "必须是十进制数，例如 25 或 0.50"),
  );

/** Bounds of what callers may enter as limits. */
export const keyLimitFields = {
  requestsPerMinute: z.int().min(1).max(1_000_000),
  maxConcurrentRequests: z.int().min(1).max(10_000),
  tokensPerMinute: z.int().min(1).max(1_000_000_000),
  budget: z.strictObject({ limit: amount, period: z.enum(keyBudgetPeriods) }),
  allowedIps: z.array(network).max(64),
  allowedOrigins: z.array(origin).max(32),
};

function isOrigin(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") && url.origin === text;
}
