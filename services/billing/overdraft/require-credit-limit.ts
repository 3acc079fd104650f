import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { formatNanos, nanosPerUnit } from "../model.ts";

const maxLimitNanos = 1_000_000n * nanosPerUnit;

/** Throws `amount_out_of_range` for what no credit limit may be. */
export function requireCreditLimit(limitNanos: bigint, currency: string): void {
  if (limitNanos >= 0n && limitNanos <= maxLimitNanos) return;
  const bounds = { minimum: "0", maximum: formatNanos(maxLimitNanos), currency };
  throw new Failure(billingFailures.amount_out_of_range, bounds);
}
