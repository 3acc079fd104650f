import type { ListTopUpOrdersResponse } from "../api/gen/client.ts";
import { defineTexts } from "../app/language.ts";
import { Badge } from "./page-parts.tsx";

type State = ListTopUpOrdersResponse["data"][number]["state"];

const useStateTexts = defineTexts("order-states", {
  en: {
    created: "Being made",
    pending: "To be paid",
    processing: "On its way",
    paid: "Paid",
    failed: "Failed",
    expired: "Expired",
  },
  "zh-CN": {
    created: "创建中",
    pending: "待付款",
    processing: "处理中",
    paid: "已付款",
    failed: "失败",
    expired: "已过期",
  },
});

const states = ["pending", "processing", "paid", "failed", "expired", "created"] as const;
const tones = {
  created: "neutral",
  pending: "warn",
  processing: "accent",
  paid: "good",
  failed: "bad",
  expired: "neutral",
} as const;

/** What may become of a payment, to narrow a list by. */
export function useOrderStates(): readonly (readonly [State, string])[] {
  const t = useStateTexts();
  return states.map((one) => [one, t(one)] as const);
}

/** What became of a payment. */
export function OrderState({ state }: { readonly state: State }) {
  return <Badge tone={tones[state]}>{useStateTexts()(state)}</Badge>;
}
