import { usageRecorded } from "@lyss/contracts/events/billing.ts";
import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { fromUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import { defineProjection, type Projection, writes } from "@lyss/kit/event-sourcing/projection.ts";
import { noTokens } from "../model.ts";
import type { UsageHourStore } from "./usage-hour-store.ts";

const hourMs = 3_600_000;

/** The table of what was used in each hour. A call that was lost and reported later is counted once, and paid for later. */
export function createUsageHours(store: UsageHourStore): Projection {
  return defineProjection({
    table: "usage_hour",
    writers: [
      writes(usageRecorded, (tx, { data, timeMs }, table) => {
        const hour = new Date(Math.floor(timeMs / hourMs) * hourMs);
        const calls = data.calls.map((call) => ({ ...call, calls: call.wasLost ? 0n : 1n }));
        const rows = [...data.sums, ...calls].map((sum) => {
          const { keyId, userId, provider, model, costNanos, uncollectedNanos } = sum;
          const tokens = sum.tokens ? foldCounts(fromUsageMessage(sum.tokens)) : noTokens;
          return { keyId, userId, provider, model, calls: sum.calls, ...tokens, costNanos, uncollectedNanos };
        });
        return store.addHour(tx, table, { tenantId: data.tenantId, hour, rows });
      }),
    ],
  });
}
