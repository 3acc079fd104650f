import type { ListRoutesResponse } from "../api/gen/client.ts";
import { defineTexts } from "../app/language.ts";

type Strategy = ListRoutesResponse["data"][number]["strategy"];

export const strategyNames = [
  ...(["scored", "fallback", "weighted", "experiment"] as const),
  ...(["cost", "latency", "throughput", "quality"] as const),
] as const satisfies readonly Strategy[];

/** What a route's strategy is called, in short. */
export const useStrategyTexts = defineTexts<Strategy>("strategies", {
  en: {
    scored: "By score",
    fallback: "In order",
    weighted: "By weight",
    experiment: "By weight, per person",
    cost: "Cheapest first",
    latency: "Fastest response first",
    throughput: "Fastest output first",
    quality: "Best quality first",
  },
  "zh-CN": {
    scored: "综合评分",
    fallback: "按顺序",
    weighted: "按权重",
    experiment: "按权重，用户固定",
    cost: "最便宜优先",
    latency: "响应最快优先",
    throughput: "输出最快优先",
    quality: "质量最高优先",
  },
});
