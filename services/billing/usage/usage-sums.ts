import { usageRecorded } from "@lyss/contracts/events/billing.ts";
import type { Durations } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { fromUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import { defineProjection, type Projection, writes } from "@lyss/kit/event-sourcing/projection.ts";
import { noTokens } from "../model.ts";
import type { DurationCounts } from "./durations.ts";
import { minuteMs } from "./usage-log.ts";
import type { UsageSumStore } from "./usage-sum-store.ts";

/** Under load the ledger says an event with each commit: taken up one by one they would be as many commits again. */
const gatherMs = 100;
/** Events that tell each call are from before there were tags. */
const untold = { tags: "", lostCalls: 0n, errors: 0n, latency: undefined, firstToken: undefined };

/**
 * The table of what was used in each minute, hour and day, and in each hour and day with each tag. A call that was lost and reported later is counted once, and
 * costs something from then on, in the minute in which it began. Events from before that was said have it by when they came.
 */
export function createUsageSums(store: UsageSumStore): Projection {
  return defineProjection({
    table: "usage_sum",
    name: "usage_hour",
    gatherMs,
    seed: (tx, table) => store.addEarlierTags(tx, table),
    writers: [
      writes(usageRecorded, (tx, { data, timeMs }, table) => {
        const said = Math.floor(timeMs / minuteMs);
        const calls = data.calls.map((call) => ({ ...call, ...untold, calls: call.wasLost ? 0n : 1n, minute: said }));
        const rows = [...data.sums, ...calls].map((sum) => {
          const { keyId, userId, provider, model, tags, lostCalls, errors, costNanos, uncollectedNanos } = sum;
          const durations = { latency: fromDurations(sum.latency), firstToken: fromDurations(sum.firstToken) };
          const minute = sum.minute || said;
          const tokens = sum.tokens ? foldCounts(fromUsageMessage(sum.tokens)) : noTokens;
          const names = { minute, keyId, userId, provider, model, tags };
          return {
            ...names,
            calls: sum.calls,
            lostCalls,
            errors,
            ...durations,
            ...tokens,
            costNanos,
            uncollectedNanos,
          };
        });
        return store.addSums(tx, table, { tenantId: data.tenantId, rows });
      }),
    ],
  });
}

function fromDurations(message: Durations | undefined): DurationCounts {
  return new Map(message?.buckets.map((bucket, n) => [bucket, message.counts[n] ?? 0]));
}
