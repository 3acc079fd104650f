import { groupLimitsChanged, keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import {
  type KeyCreated,
  type KeyLimits,
  KeyRevocationReason,
  type KeyRevoked,
  type KeyUpdated,
} from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type DurableSubscription, onEvent } from "@lyss/kit/events/event.ts";
import type { BudgetOps } from "./budget-ops.ts";
import { toAmount } from "./budget-settings.ts";
import { type BudgetLimit, type BudgetPeriod, type BudgetUnit, budgetPeriods } from "./model.ts";

/** Holds keys to the tokens and the money that they were limited to when they were made or changed; of keys that are gone no budget stays. */
export function followKeys({ cap, uncapKey }: Pick<BudgetOps, "cap" | "uncapKey">): DurableSubscription {
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
      const limitsBefore = type === keyUpdated.type ? (data as KeyUpdated).limitsBefore : undefined;
      const change = changeOf(limitsBefore, limits);
      if (change) await cap(tx, { tenantId, scopeKind: "key", scopeId: keyId, ...change });
    },
  };
}

/** Holds all members of a group together to the tokens a minute that the group is limited to. */
export function followGroupLimits({ cap }: Pick<BudgetOps, "cap">): DurableSubscription {
  return onEvent("follow-group-limits", groupLimitsChanged, async (tx, { data }) => {
    const { tenantId, subjectId: scopeId, limits, limitsBefore } = data;
    const change = changeOf(limitsBefore, limits);
    if (change) await cap(tx, { tenantId, scopeKind: "group", scopeId, ...change });
  });
}

type Capped = Pick<KeyLimits, "tokensPerMinute"> & Partial<Pick<KeyLimits, "budget">>;

/** What is set and what is lifted; undefined where that is nothing. */
function changeOf(limitsBefore: Capped | undefined, limits: Capped | undefined) {
  const [before, now] = [toCaps(limitsBefore), toCaps(limits)];
  const set = now.filter((each) => !before.some((other) => isSamePlace(each, other) && each.limit === other.limit));
  const lifted = before.filter((each) => !now.some((other) => isSamePlace(each, other)));
  return set.length + lifted.length > 0 ? { set, lifted } : undefined;
}

function toCaps(limits: Capped | undefined): readonly BudgetLimit[] {
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
