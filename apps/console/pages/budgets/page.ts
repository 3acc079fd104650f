import { Gauge } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/budgets",
  title: { en: "Budgets", "zh-CN": "预算" },
  nav: { group: "money", order: 20, icon: Gauge },
  permission: "billing:read",
  keywords: "quota limit cap spend 配额 限额 上限",
  load: () => import("./budgets.tsx"),
});
