import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { toUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import type { Receipt } from "./get-receipt.ts";
import { outcomeMessages } from "./usage-log.ts";

/** A receipt as other services are given it: without the lines of its cost. */
export function toReceiptMessage({ currency, costNanos, attempts, otherAttempts }: Receipt) {
  const charged = attempts.map(({ usage, rule }) => ({
    ...{ attempt: usage.attempt, provider: usage.provider, model: usage.model, priceId: usage.priceId },
    outcome: outcomeMessages[usage.outcome],
    startedAt: timestampFromDate(new Date(Number(usage.startedAtMs))),
    ...{ isCharged: true, costNanos: usage.costNanos, latencyMs: usage.latencyMs, ruleId: rule.id },
    tokens: toUsageMessage(usage),
  }));
  const others = otherAttempts.map(({ attempt, provider, model, outcome, startedAt }) => ({
    ...{ attempt, provider, model, outcome: outcomeMessages[outcome], startedAt: timestampFromDate(startedAt) },
  }));
  return { currency, costNanos, attempts: [...charged, ...others].sort((a, b) => a.attempt - b.attempt) };
}
