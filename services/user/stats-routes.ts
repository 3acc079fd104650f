import type { UsageTotal } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { UserOps } from "./ops.ts";

const { json } = routesFor<UserOps>();

const count = z.int().min(0);
const used = z.strictObject({
  calls: count,
  cost_nanos: z.string().describe("Billionths of a unit of the currency."),
});

/** What there is altogether, for those who operate the installation. */
export const statsRoutes = [
  json({
    method: "GET",
    path: "/admin/stats",
    permission: "platform:stats",
    operation: "getStats",
    summary:
      "How many tenants, people, sessions and keys there are, and what all of them used today and this month (UTC).",
    response: z.strictObject({
      object: z.literal("stats"),
      tenants: z.strictObject({ provisioning: count, active: count, suspended: count }),
      people: z.strictObject({ active: count, inactive: count, suspended: count }),
      sessions: count.describe("Open ones."),
      keys: count.describe("Neither revoked nor expired."),
      usage: z.strictObject({ today: used, month: used }),
    }),
    async handle(ops) {
      const { usage, ...counts } = await ops.getStats();
      return { object: "stats" as const, ...counts, usage: { today: toUsed(usage.today), month: toUsed(usage.month) } };
    },
  }),
];

function toUsed(total: UsageTotal | undefined): z.input<typeof used> {
  return { calls: Number(total?.calls ?? 0n), cost_nanos: (total?.costNanos ?? 0n).toString() };
}
