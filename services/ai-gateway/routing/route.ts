import { parseTags, tagsRule } from "@lyss/contracts/usage/tags.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { mirrorSchema } from "../mirroring/mirror.ts";
import { providerNameSchema } from "../provider-name.ts";

/** How a route orders its targets. */
export const routeStrategies = [
  ...(["scored", "fallback", "weighted", "experiment"] as const),
  ...(["cost", "latency", "throughput", "quality"] as const),
] as const;
export type RouteStrategy = (typeof routeStrategies)[number];

/** True for tags that a call may have: no separator within a key or value makes two of one. */
function areTags(tags: Readonly<Record<string, string>>): boolean {
  const pairs = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  return pairs.every((pair) => !pair.includes(",") && parseTags(pair)) && parseTags(pairs.join(",")) !== undefined;
}

const modelName = z.string().min(1).max(200);
const ids = z.array(z.string().min(1).max(100)).max(100).default([]);

function range(most: number) {
  const bound = (what: string) => z.int().min(0).max(most).optional().describe(what);
  const isRange = ({ min, max }: { min?: number | undefined; max?: number | undefined }) =>
    (min ?? max) !== undefined && (min ?? 0) <= (max ?? most);
  const rule = inBothLanguages(
    "must have min, max or both, min not above max",
    "必须有 min、max 或两者，且 min 不大于 max",
  );
  return z
    .strictObject({ min: bound("The least."), max: bound("The most.") })
    .refine(isRange, rule)
    .optional();
}

/** What a request must be about; compared by `meaning/compare-meanings.ts`. */
const meaningSchema = z.strictObject({
  examples: z
    .array(z.string().trim().min(1).max(1_000))
    .min(1)
    .max(20)
    .describe("What such callers say, in their words."),
  similarity: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe("How near the nearest of them has to be: the cosine, 1 for the same. What is near depends on the model."),
});
export type Meaning = z.output<typeof meaningSchema>;

/** What a request must be like; read by `request-shape.ts`. */
export const whenSchema = z
  .strictObject({
    tokens: range(100_000_000).describe("How long it is: a quarter of its bytes, media aside."),
    complexity: range(100).describe("How hard it looks, 0 to 100, without asking a model; see guides/providers.md."),
    tools: z.boolean().optional().describe("Whether it gives the model tools."),
    media: z.boolean().optional().describe("Whether it holds images, sound or files."),
    mentions: z
      .array(z.string().min(1).max(100))
      .min(1)
      .max(100)
      .optional()
      .describe("Its last message of a person's has one of these words or phrases, in any case of letters."),
    meaning: meaningSchema
      .optional()
      .describe(
        "Of the route's targets with this, its last message of a person's is nearest to an example of this one. The route's `embedding` makes the vectors; without them it does not hold.",
      ),
  })
  .refine(
    (when) => Object.values(when).some((it) => it !== undefined),
    inBothLanguages("must say something", "不能为空"),
  );

export type When = z.output<typeof whenSchema>;

const targetFields = {
  provider: providerNameSchema
    .optional()
    .describe("One that the tenant may use: its own of that name, or else the operator's."),
  model: modelName.optional().describe("What that provider's model is called in Lyss."),
  route: modelName
    .optional()
    .describe("In place of provider and model: another route, whose targets stand here in its own order."),
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
  when: whenSchema.optional().describe("Only for calls that are like this."),
};

/** A target as it is shown. */
export const routeTargetBody = z.strictObject(targetFields);

/** One target of a route, in a file or a request. */
export const routeTargetSchema = routeTargetBody.refine(
  ({ provider, model, route }) =>
    route === undefined ? provider !== undefined && model !== undefined : (provider ?? model) === undefined,
  inBothLanguages("must name a provider and its model, or a route", "必须指定供应商及其模型，或另一条路由"),
);

export const routeSchema = z.strictObject({
  name: modelName.describe("What callers write into `model`. It takes the place of models of that name."),
  strategy: z
    .enum(routeStrategies)
    .default("scored")
    .describe(
      "`scored` by latency, availability, cost and quality; `fallback` in the order given; `weighted` by chance; `experiment` by weight, the same for all calls of one person, key or `unit` tag; `cost` and `latency`: the least first; `throughput` (tokens of output in a second) and `quality`: the most first.",
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
  continues: z
    .boolean()
    .default(false)
    .describe(
      "Whether a stream that breaks off after it has begun is gone on with at another target that continues answers: in the same message, labelled, and both are paid.",
    ),
  embedding: modelName
    .nullable()
    .default(null)
    .describe(
      "Of targets with `when.meaning`: the model that makes the vectors, of the call by a call of its own that its caller pays for, and of the examples once.",
    ),
  mirror: mirrorSchema
    .nullable()
    .default(null)
    .describe(
      "Where a share of its calls also goes when they are over, for comparison; null for nowhere. Nobody waits for it or sees it.",
    ),
  targets: z
    .array(routeTargetSchema)
    .min(1)
    .max(32)
    .refine(
      (targets) =>
        new Set(targets.map(({ provider, model, route, when }) => JSON.stringify([provider, model, route, when])))
          .size === targets.length,
      inBothLanguages(
        "must name each model of a provider, and each route, once for the same condition",
        "同一供应商的同一模型以及同一路由在相同条件下只能出现一次",
      ),
    )
    .describe("Where its calls may go."),
});

/** As a target is without a route. */
export const plainRule = routeTargetSchema.parse({ provider: "any", model: "any" });

export type RouteSpec = z.output<typeof routeSchema>;
export type RouteTarget = z.output<typeof routeTargetSchema>;

/** What a route was at one time. */
export interface RouteVersion {
  readonly version: number;
  readonly spec: Omit<RouteSpec, "name">;
  readonly updatedAt: Date;
}

/** What a route may become, and how many of a hundred of its callers have it. */
export interface TriedVersion {
  readonly rolloutId: string;
  readonly spec: Omit<RouteSpec, "name">;
  readonly percent: number;
}

/** A name that goes to targets as somebody has said. */
export interface Route extends RouteSpec {
  /** Empty for those of the operator, which every tenant may call. */
  readonly tenantId: string;
  readonly source: "config" | "tenant";
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly updatedAt: Date;
  /** Another version that a share of its callers has; absent for none. */
  readonly rollout?: TriedVersion;
}
