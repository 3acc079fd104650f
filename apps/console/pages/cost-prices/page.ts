import { Coins } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/cost-prices",
  title: { en: "Costs and margins", "zh-CN": "成本与毛利" },
  nav: { group: "money", order: 44, icon: Coins },
  permission: "platform:billing",
  keywords: "cost price provider margin profit loss 成本 进价 毛利 亏损",
  load: () => import("./cost-prices.tsx"),
});
