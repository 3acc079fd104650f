import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import type { OpenBilling } from "./open-billing.ts";
import { measure, type PageFigure } from "./usage-pages.ts";
import { largestTenant, type UsagePlan, users } from "./usage-rows.ts";

const dayMs = 86_400_000;
const tenantId = largestTenant;

/** Asks for pages of the list of requests, of the tenant with most rows: the first and one in the middle, by each order and filter. */
export async function measureRequestLists(
  { service: { ops } }: OpenBilling,
  plan: UsagePlan & { readonly asks: number },
  nowMs: number,
): Promise<readonly PageFigure[]> {
  const { between } = createSeeded(9);
  const endMs = Math.floor(nowMs / dayMs) * dayMs;
  const anyDay = () => endMs - between(1, plan.days - 1) * dayMs;
  type Input = Parameters<typeof ops.listUsage>[0];
  type Order = NonNullable<Input["order"]>;
  const ask = (more: Partial<Input>) => ops.listUsage({ tenantId, limit: 50, ...more });
  const list = async (more: Partial<Input>) => (await ask(more)).rows.length;
  /** The page behind one in the midst of all: that is found by what is asked besides, and gives its cursor. */
  const behind = async (order: Order, midst: Partial<Input>) => {
    const { nextCursor } = await ask({ ...midst, order });
    return () => list({ order, cursor: nextCursor });
  };
  const time = { by: "time", isDescending: true } as const;
  const cost = { by: "cost", isDescending: true } as const;
  const latency = { by: "latency", isDescending: true } as const;
  const deepTime = await behind(time, { toMs: endMs - Math.floor(plan.days / 2) * dayMs });
  const deepCost = await behind(cost, { maxCostNanos: 550_000n });
  const deepLatency = await behind(latency, { maxLatencyMs: 2_400n });
  const model = () => ({ model: `model-${between(0, 11)}` });
  const questions: Readonly<Record<string, () => Promise<number>>> = {
    "by time: first page": () => list({}),
    "by time: a page in the middle": deepTime,
    "by time, oldest first": () => list({ order: { ...time, isDescending: false } }),
    "by cost: first page": () => list({ order: cost }),
    "by cost: a page in the middle": deepCost,
    "by cost, least first": () => list({ order: { ...cost, isDescending: false } }),
    "by latency: first page": () => list({ order: latency }),
    "by latency: a page in the middle": deepLatency,
    "by cost: of a week": () => list({ order: cost, fromMs: endMs - 7 * dayMs }),
    "by latency: of a day": () => list({ order: latency, fromMs: endMs - dayMs }),
    "by cost: of a model": () => list({ order: cost, ...model() }),
    "by latency: failed": () => list({ order: latency, outcome: "failed" }),
    "by latency: of a person": () => list({ order: latency, userId: `usr_0_${between(0, users - 1)}` }),
    "a status": () => list({ outcome: "failed", toMs: anyDay() }),
    "an error": () => list({ error: "timeout", toMs: anyDay() }),
    "an error that is rare": () => list({ error: "blocked" }),
    "an error that never was": () => list({ error: "unauthorized" }),
    streamed: () => list({ isStreamed: true, toMs: anyDay() }),
    "not known whether streamed, which none is": () => list({ isStreamed: false, error: "gateway" }),
    "a common range of costs": () => list({ minCostNanos: 200_000n, maxCostNanos: 800_000n }),
    "a rare range of costs": () => list({ minCostNanos: 900_000_000n }),
    "a range of costs in which none lies": () => list({ minCostNanos: 10_000_000_000n }),
    "a common range of latencies": () => list({ minLatencyMs: 1_000n, maxLatencyMs: 3_000n }),
    "a rare range of latencies": () => list({ minLatencyMs: 60_000n }),
    "a range of latencies in which none lies": () => list({ minLatencyMs: 3_600_000n }),
    "a group": () => list({ groupId: `grp_${between(0, 4)}` }),
    "a group that never called": () => list({ groupId: "grp_rare" }),
    "a group: by cost": () => list({ groupId: `grp_${between(0, 4)}`, order: cost }),
    "a key": () => list({ keyId: `key_0_${between(0, 39)}` }),
    "a model": () => list({ ...model(), toMs: anyDay() }),
    "slow, dear, streamed, of a model": () =>
      list({ ...model(), isStreamed: true, minLatencyMs: 4_000n, minCostNanos: 900_000n }),
    "rare and of a group, by latency": () => list({ groupId: "grp_1", minLatencyMs: 60_000n, order: latency }),
    "a tag, by cost": () => list({ tags: "team=team-1", order: cost }),
    "a tag that hardly any call has, by cost": () => list({ tags: "team=team-rare", order: cost }),
  };
  const figures: PageFigure[] = [];
  for (const [question, asked] of Object.entries(questions)) figures.push(await measure(question, plan.asks, asked));
  return figures;
}
