import { Layers } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/plans",
  title: { en: "Price plans", "zh-CN": "价格方案" },
  nav: { group: "money", order: 42, icon: Layers },
  permission: "platform:billing",
  keywords: "mark-up discount subscription tier credit limit 加价 折扣 订阅 方案",
  load: () => import("./plans.tsx"),
});
