import { KeyStatus as WireStatus } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { z } from "zod";
import type { KeyLimits } from "./key-limits.ts";
import { type KeyStatus, keyFields } from "./model.ts";

const statuses: Readonly<Record<WireStatus, KeyStatus | undefined>> = {
  [WireStatus.UNSPECIFIED]: undefined,
  [WireStatus.ACTIVE]: "active",
  [WireStatus.REVOKED]: "revoked",
  [WireStatus.EXPIRED]: "expired",
};

/** A status to filter by; unspecified for all. */
export const statusInput = z.enum(WireStatus).transform((status) => statuses[status]);

/** A list that may be left out. */
export const wordsInput = <Field extends z.ZodType>(field: Field) => z.object({ words: field }).optional();

const orZero = <Field extends z.ZodType>(field: Field) => z.union([z.literal(0), field]);

/** Limits of a key on the wire, which may be left out. */
export const limitsInput = z
  .object({
    requestsPerMinute: orZero(keyFields.requestsPerMinute),
    maxConcurrentRequests: orZero(keyFields.maxConcurrentRequests),
    tokensPerMinute: z.bigint().min(0n).max(1_000_000_000n).transform(Number),
    budget: z.object(keyFields.budget.shape).optional(),
    allowedIps: keyFields.allowedIps,
    allowedOrigins: keyFields.allowedOrigins,
  })
  .optional();

/** What stands for none on the wire, as none. */
export function fromLimits({ budget, ...limits }: NonNullable<z.output<typeof limitsInput>>): KeyLimits {
  return {
    ...limits,
    requestsPerMinute: limits.requestsPerMinute || null,
    maxConcurrentRequests: limits.maxConcurrentRequests || null,
    tokensPerMinute: limits.tokensPerMinute || null,
    budget: budget ?? null,
  };
}
