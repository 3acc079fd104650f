import { parseTags, tagsRule } from "@lyss/contracts/usage/tags.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { providerNameSchema } from "../provider-name.ts";

/** How a route orders its targets. */
export const routeStrategies = ["scored", "fallback", "weighted", "experiment", "cost", "latency"] as const;
export type RouteStrategy = (typeof routeStrategies)[number];

/** True for tags that a call may have: no separator within a key or value makes two of one. */
function areTags(tags: Readonly<Record<string, string>>): boolean {
  const pairs = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return pairs.every((pair) => !pair.includes(",") && parseTags(pair)) && parseTags(pairs.join(",")) !== undefined;
}

const modelName = z.string().min(1).max(200);
const ids = z.array(z.string().min(1).max(100)).max(100).default([]);

/** One target of a route, in a file or a request. */
export const routeTargetSchema = z.strictObject({
  provider: providerNameSchema.describe("One that the tenant may use: its own of that name, or else the operator's."),
  model: modelName.describe("What that provider's model is called in Lyss."),
  priority: z.int().min(0).max(100).default(0).describe("Those of a higher number are tried after all of a lower one."),
  weight: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(1)
    .describe("Of `weighted` and `experiment`: its share of the calls, or of those who call; 0 only stands in."),
  quality: z.number().min(0).max(1).default(1).describe("Of `scored`: how good its answers are, beside the others'."),
  tags: z
    .record(z.string(), z.string())
    .refine(areTags, inBothLanguages(`must be ${tagsRule.en_US}`, `必须是${tagsRule.zh_CN}`))
    .default({})
    .describe("Only for calls that have all of these in `lyss-tags`."),
  users: ids.describe("Only for calls of these people; for all when empty."),
  keys: ids.describe("Only for calls with these keys; for all when empty."),
});

export const routeSchema = z.strictObject({
  name: modelName.describe("What callers write into `model`. It takes the place of models of that name."),
  strategy: z
    .enum(routeStrategies)
    .default("scored")
    .describe(
      "`scored` by latency, availability, cost and quality; `fallback` in the order given; `weighted` by chance; `experiment` by weight, the same for all calls of one person, key or `unit` tag; `cost` and `latency`: the least first.",
    ),
  hedge: z
    .int()
    .min(50)
    .max(99)
    .nullable()
    .default(null)
    .describe(
      "After what percentile of its usual time to a first byte a second target is asked beside one that is silent; null for never. The first answer counts and is paid.",
    ),
  targets: z
    .array(routeTargetSchema)
    .min(1)
    .max(32)
    .refine(
      (targets) =>
        new Set(targets.map(({ provider, model }) => JSON.stringify([provider, model]))).size === targets.length,
      inBothLanguages("must name each model of a provider once", "同一供应商的同一模型只能出现一次"),
    )
    .describe("Where its calls may go."),
});

/** As a target is without a route. */
export const plainRule = routeTargetSchema.parse({ provider: "any", model: "any" });

export type RouteSpec = z.output<typeof routeSchema>;
export type RouteTarget = z.output<typeof routeTargetSchema>;

/** A name that goes to targets as somebody has said. */
export interface Route extends RouteSpec {
  /** Empty for those of the operator, which every tenant may call. */
  readonly tenantId: string;
  readonly source: "config" | "tenant";
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly updatedAt: Date;
}
