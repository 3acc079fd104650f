import { z } from "zod";
import type { KeyLimits } from "./key-limits.ts";
import { type Key, keyFields } from "./model.ts";
import type { KeyWithSecret } from "./ops/create-key.ts";

const time = z.iso.datetime();

/** Limits as people enter them, each of which may be null for none. */
export const limitFields = {
  requests_per_minute: keyFields.requestsPerMinute.nullable().describe("Requests of any kind; null for no limit."),
  max_concurrent_requests: keyFields.maxConcurrentRequests
    .nullable()
    .describe("Requests under way at once; null for no limit."),
  tokens_per_minute: keyFields.tokensPerMinute
    .nullable()
    .describe(
      "Input and output of model calls in a minute of the clock, held as a budget of the key; null for no limit.",
    ),
  budget: keyFields.budget
    .nullable()
    .describe(
      "The most it may spend in a period, in units of the currency, held as a budget of the key; null for no limit.",
    ),
  allowed_ips: keyFields.allowedIps.describe(
    "Addresses and networks (CIDR) from which connections may come; empty for all.",
  ),
  allowed_origins: keyFields.allowedOrigins.describe(
    "Origins of web pages from which it may be used; empty for all, and for programs that are no browser.",
  ),
};

/** A key as the API shows it. */
export const keyBody = z.strictObject({
  object: z.literal("key"),
  id: z.string(),
  name: z.string(),
  description: z.string(),
  prefix: z.string().describe("Enough of the current secret to tell keys apart."),
  user_id: z.string().describe("The person the key acts for."),
  permissions: z.array(z.string()),
  models: z.array(z.string()).describe("Models it may use; empty for all."),
  ...limitFields,
  created_at: time,
  created_by: z.string(),
  updated_at: time,
  expires_at: time.nullable(),
  last_used_at: time.nullable().describe("Up to a minute old."),
  revoked_at: time.nullable(),
});

/** The same with the secret, which is in no other answer. */
export const keyWithSecretBody = keyBody.extend({ secret: z.string().describe("Shown in this answer only.") });

export function toKeyBody(row: Key): z.input<typeof keyBody> {
  const { limits } = row;
  return {
    ...{ object: "key", id: row.keyId, name: row.name, description: row.description, prefix: row.prefix },
    ...{ user_id: row.userId, permissions: [...row.permissions], models: [...row.models] },
    requests_per_minute: limits.requestsPerMinute,
    max_concurrent_requests: limits.maxConcurrentRequests,
    tokens_per_minute: limits.tokensPerMinute,
    budget: limits.budget && { ...limits.budget },
    allowed_ips: [...limits.allowedIps],
    allowed_origins: [...limits.allowedOrigins],
    created_at: row.createdAt.toISOString(),
    created_by: row.createdBy,
    updated_at: row.updatedAt.toISOString(),
    expires_at: row.expiresAt?.toISOString() ?? null,
    last_used_at: row.lastUsedAt?.toISOString() ?? null,
    revoked_at: row.revokedAt?.toISOString() ?? null,
  };
}

export function toSecretBody({ key, secret }: KeyWithSecret): z.input<typeof keyWithSecretBody> {
  return { ...toKeyBody(key), secret: secret.reveal() };
}

type LimitBody = { readonly [Name in keyof typeof limitFields]?: z.output<(typeof limitFields)[Name]> | undefined };

/** Those limits that are given. */
export function fromLimitBody(body: LimitBody): Partial<KeyLimits> {
  const { requests_per_minute, max_concurrent_requests, tokens_per_minute, budget, allowed_ips, allowed_origins } =
    body;
  return {
    ...(requests_per_minute !== undefined && { requestsPerMinute: requests_per_minute }),
    ...(max_concurrent_requests !== undefined && { maxConcurrentRequests: max_concurrent_requests }),
    ...(tokens_per_minute !== undefined && { tokensPerMinute: tokens_per_minute }),
    ...(budget !== undefined && { budget }),
    ...(allowed_ips !== undefined && { allowedIps: allowed_ips }),
    ...(allowed_origins !== undefined && { allowedOrigins: allowed_origins }),
  };
}
