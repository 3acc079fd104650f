import type { ComponentProps } from "react";
import { defineTexts } from "../app/language.ts";
import { Badge } from "./page-parts.tsx";

export const callStatuses = ["completed", "cached", "failed", "canceled", "truncated", "lost"] as const;
export type CallStatus = (typeof callStatuses)[number];

export const useCallStatusTexts = defineTexts<CallStatus>("call-status", {
  en: {
    completed: "Completed",
    cached: "Cached",
    failed: "Failed",
    canceled: "Canceled",
    truncated: "Truncated",
    lost: "Lost",
  },
  "zh-CN": {
    completed: "完成",
    cached: "缓存",
    failed: "失败",
    canceled: "已取消",
    truncated: "中断",
    lost: "丢失",
  },
});

const tones: Readonly<Record<CallStatus, NonNullable<ComponentProps<typeof Badge>["tone"]>>> = {
  completed: "good",
  cached: "accent",
  failed: "bad",
  canceled: "neutral",
  truncated: "warn",
  lost: "bad",
};

/** How an attempt ended. */
export function CallStatusBadge({ status }: { readonly status: CallStatus }) {
  return <Badge tone={tones[status]}>{useCallStatusTexts()(status)}</Badge>;
}
