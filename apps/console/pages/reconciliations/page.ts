import { Scale } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/reconciliation",
  title: { en: "Reconciliation", "zh-CN": "对账" },
  nav: { group: "money", order: 60, icon: Scale },
  permission: "platform:billing",
  keywords: "provider report drift cost csv 供应商 差异 成本",
  load: () => import("./reconciliations.tsx"),
});
