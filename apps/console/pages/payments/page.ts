import { CreditCard } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/payments",
  title: { en: "Payments", "zh-CN": "付款" },
  nav: { group: "money", order: 46, icon: CreditCard },
  permission: "platform:billing",
  keywords: "orders refund stripe checkout top-up 退款 订单 充值",
  load: () => import("./payments.tsx"),
});
