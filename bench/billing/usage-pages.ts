import { systemClock } from "@lyss/kit/service/clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import type { UsageGroup, UsageUnit } from "@lyss/services/billing/model.ts";
import type { OpenBilling } from "./open-billing.ts";
import { keys, largestTenant, type UsagePlan, users } from "./usage-rows.ts";

/** How long a question to the usage pages takes. */
export interface PageFigure {
  readonly question: string;
  readonly rows: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

const dayMs = 86_400_000;
const tenantId = largestTenant;

/** Asks each question of the usage pages so many times, of the tenant with most rows, with other names and times each time. */
export async function measurePages(
  { service: { ops } }: OpenBilling,
  plan: UsagePlan & { readonly asks: number },
  nowMs: number,
): Promise<readonly PageFigure[]> {
  const { between } = createSeeded(7);
  // All of it lies before today.
  const endMs = Math.floor(nowMs / dayMs) * dayMs;
  const anyDay = (before = 1) => endMs - between(before, plan.days - 1) * dayMs;
  const list = async (filter: Omit<Parameters<typeof ops.listUsage>[0], "tenantId" | "limit">) =>
    (await ops.listUsage({ tenantId, limit: 50, ...filter })).rows.length;
  const sums = async (
    unit: UsageUnit,
    days: number,
    groupBy: readonly UsageGroup[],
    more: { userId?: string; tags?: string } = {},
  ) => {
    const toMs =
      unit === "minute" ? endMs - between(0, 9) * dayMs : endMs - between(0, Math.max(0, plan.days - days)) * dayMs;
    const range = { unit, fromMs: toMs - days * dayMs, toMs };
    return (await ops.listUsageSummary({ tenantId, ...range, groupBy, limit: 1_000, ...more })).rows.length;
  };
  const totals = async (days: number, groupBy: "model" | "group") => {
    const range = { fromMs: endMs - days * dayMs, toMs: endMs, compareFromMs: "previous" } as const;
    return (await ops.getUsageTotals({ tenantId, ...range, groupBy, sort: "cost", limit: 20 })).groups.length;
  };
  const user = () => `usr_0_${between(0, users - 1)}`;
  const key = () => `key_0_${between(0, keys - 1)}`;
  const questions: Readonly<Record<string, () => Promise<number>>> = {
    "list: first page": () => list({}),
    "list: a page in the middle": async () => {
      const toMs = anyDay();
      const { nextCursor } = await ops.listUsage({ tenantId, limit: 50, toMs });
      return list({ toMs, cursor: nextCursor });
    },
    "list: of a person": () => list({ userId: user() }),
    "list: of a key, in a day": () => list({ keyId: key(), toMs: anyDay() }),
    "list: of a model": () => list({ model: `model-${between(0, 11)}`, toMs: anyDay() }),
    "list: of a model that is hardly ever called": () => list({ model: "model-rare" }),
    "list: of a model that nobody has called": () => list({ model: "no-such-model" }),
    "list: of a provider": () => list({ provider: `provider-${between(0, 3)}`, toMs: anyDay() }),
    "list: of a provider that is not there": () => list({ provider: "no-such-provider" }),
    "list: failed calls": () => list({ outcome: "failed", toMs: anyDay() }),
    "list: lost calls": () => list({ outcome: "lost" }),
    "list: truncated calls of a person and model": () =>
      list({ outcome: "truncated", model: `model-${between(0, 11)}`, userId: user() }),
    "list: a common tag": () => list({ tags: "team=team-0" }),
    "list: two tags of a person": () => list({ tags: `env=test,team=team-${between(0, 7)}`, userId: user() }),
    "list: a tag that hardly any call has": () => list({ tags: "team=team-rare" }),
    "list: a tag that nobody has": () => list({ tags: "team=nobody" }),
    "sums: a day by minute": () => sums("minute", 1, []),
    "sums: a day by minute and model, key": () => sums("minute", 1, ["model", "key"]),
    "sums: 31 days by hour and model": () => sums("hour", 31, ["model"]),
    "sums: 31 days by hour and all four": () => sums("hour", 31, ["model", "key", "user", "provider"]),
    "sums: all days by day and model, key": () => sums("day", plan.days, ["model", "key"]),
    "sums: all days by month and user": () => sums("month", plan.days, ["user"]),
    "sums: 31 days by hour of a person": () => sums("hour", 31, ["model"], { userId: user() }),
    "sums: a day by hour and a tag": () => sums("hour", 1, ["tag:team"]),
    "sums: 7 days by day and a tag": () => sums("day", 7, ["tag:team"]),
    "sums: 31 days by hour and a tag, model": () => sums("hour", 31, ["tag:team", "model"]),
    "sums: all days by day and a tag, user": () => sums("day", plan.days, ["tag:team", "user"]),
    "sums: all days by month of a tag, of a person": () =>
      sums("month", plan.days, ["key"], { userId: user(), tags: "env=test" }),
    "sums: 7 days by day of a tag": () => sums("day", 7, ["model"], { tags: "env=test" }),
    "export: first page": async () => {
      const pages = ops.exportUsage({ tenantId, fromMs: anyDay() });
      const { value } = await pages.next();
      await pages.return();
      return value?.length ?? 0;
    },
    "totals: 30 days by model, beside those before": () => totals(30, "model"),
    "totals: a day by group, beside the day before": () => totals(1, "group"),
    "costs of a person: 30 days by day and model": async () => {
      const range = { unit: "day" as const, fromMs: endMs - 30 * dayMs, toMs: endMs };
      return (await ops.getCosts({ tenantId, userId: user(), ...range, groupBy: ["model"], limit: 1_000 })).page.rows
        .length;
    },
  };
  const figures: PageFigure[] = [];
  for (const [question, ask] of Object.entries(questions)) figures.push(await measure(question, plan.asks, ask));
  return figures;
}

/** A question that takes longer than billing's limit has no rows, and its time is that limit. */
function zeroIfTooSlow(err: unknown): number {
  if (err instanceof Error && "code" in err && err.code === "57014") return 0;
  throw err;
}

/** Asks so many times. */
export async function measure(question: string, asks: number, ask: () => Promise<number>): Promise<PageFigure> {
  const timesMs: number[] = [];
  let rows = 0;
  for (let n = 0; n < asks; n++) {
    const startMs = systemClock.monotonicMs();
    rows = await ask().catch(zeroIfTooSlow);
    timesMs.push(systemClock.monotonicMs() - startMs);
  }
  const sorted = timesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(asks - 1, Math.ceil(share * asks) - 1)] ?? 0;
  return { question, rows, p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}
