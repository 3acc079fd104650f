import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { Outcome } from "../model.ts";

/** One row of "Who pays when something breaks" (docs/guides/billing.md). */
export interface PayRule {
  /** As the guide names it. */
  readonly id: string;
  readonly text: Readonly<Record<Locale, string>>;
}

/** The rule by which an attempt was charged. */
export function payRuleOf({ outcome, costNanos }: { readonly outcome: Outcome; readonly costNanos: bigint }): PayRule {
  if (outcome === "canceled") return costNanos > 0n ? rules.leftAndPaid : rules.leftForNothing;
  return rules[outcome];
}

const rules = {
  completed: {
    id: "completed",
    text: {
      en_US: "The whole answer was delivered: what the provider reports is charged; where it reports zero, nothing is.",
      zh_CN: "回答已完整送达：按供应商报告的用量收费，报告为零则不收费。",
    },
  },
  failed: {
    id: "failed",
    text: {
      en_US: "The provider failed or sent no answer at all: nothing is charged.",
      zh_CN: "供应商失败或完全没有回答：不收费。",
    },
  },
  leftAndPaid: {
    id: "canceled-delivered",
    text: {
      en_US:
        "You left before the end: what was delivered until then is charged, or what the provider reports where it charges to the end.",
      zh_CN: "您在结束前离开：按此前已送达的内容收费；若供应商仍计费至结束，则按其报告收费。",
    },
  },
  leftForNothing: {
    id: "canceled-nothing",
    text: {
      en_US: "You left before anything was delivered: nothing is charged.",
      zh_CN: "您在任何内容送达之前离开：不收费。",
    },
  },
  truncated: {
    id: "truncated",
    text: {
      en_US:
        "The provider broke off within the answer: what was delivered is charged, and nothing if that was no text.",
      zh_CN: "供应商在回答途中中断：按已送达的内容收费；若没有文本则不收费。",
    },
  },
  lost: {
    id: "lost",
    text: {
      en_US: "The gateway died in the call and nobody knows how it ended: nothing is charged.",
      zh_CN: "网关在调用中崩溃，无人知晓其结果：不收费。",
    },
  },
  cached: {
    id: "cached",
    text: {
      en_US:
        "The answer had been given before and came from the cache: of its tokens the share is charged that the operator has set, nothing unless it has.",
      zh_CN: "回答来自缓存（此前已生成）：按管理员设定的比例计费，未设定则不收费。",
    },
  },
} as const satisfies Record<string, PayRule>;

/** The ids of all rules. */
export const payRuleIds: readonly string[] = Object.values(rules).map(({ id }) => id);
