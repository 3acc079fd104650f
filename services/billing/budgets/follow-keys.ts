import { keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import {
  type KeyCreated,
  type KeyLimits,
  KeyRevocationReason,
  type KeyRevoked,
  type KeyUpdated,
} from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { DurableSubscription } from "@lyss/kit/events/event.ts";
import type { BudgetOps } from "./budget-ops.ts";
import { toAmount } from "./budget-settings.ts";
import { type BudgetLimit, type BudgetPeriod, type BudgetUnit, budgetPeriods } from "./model.ts";

/** Holds keys to the tokens and the money that they were limited to when they were made or changed; of keys that are gone no budget stays. */
export function followKeys({ capKey, uncapKey }: Pick<BudgetOps, "capKey" | "uncapKey">): DurableSubscription {
  return {
    mode: "durable",
    name: "follow-key-limits",
    events: [keyCreated, keyUpdated, keyRevoked],
    async handle(tx, { type, data }) {
      if (type === keyRevoked.type) {
        const { tenantId, keyId, reason } = data as KeyRevoked;
        if (reason !== KeyRevocationReason.ROTATED) await uncapKey(tx, { tenantId, keyId });
        return;
      }
      const { tenantId, keyId, limits } = data as KeyCreated | KeyUpdated;
      const before = toCaps(type === keyUpdated.type ? (data as KeyUpdated).limitsBefore : undefined);
      const now = toCaps(limits);
      const set = now.filter((cap) => !before.some((other) => isSamePlace(cap, other) && cap.limit === other.limit));
      const lifted = before.filter((cap) => !now.some((other) => isSamePlace(cap, other)));
      if (set.length + lifted.length > 0) await capKey(tx, { tenantId, keyId, set, lifted });
    },
  };
}

function toCaps(limits: KeyLimits | undefined): readonly BudgetLimit[] {
  if (!limits) return [];
  const { tokensPerMinute, budget } = limits;
  const period = budgetPeriods.find((each) => each === budget?.period);
  return [
    ...(tokensPerMinute > 0n ? [capOf("tokens", "minute", tokensPerMinute)] : []),
    ...(budget && period ? [capOf("money", period, toAmount("money", budget.limit) ?? 0n)] : []),
  ];
}

function capOf(unit: BudgetUnit, period: BudgetPeriod, limit: bigint): BudgetLimit {
  return { unit, period, limit, timeZone: "UTC", resetDay: 1, alertPercents: [] };
}

function isSamePlace(a: BudgetLimit, b: BudgetLimit): boolean {
  return a.unit === b.unit && a.period === b.period;
}
