import { Tags } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/prices",
  title: { en: "Price book", "zh-CN": "价目表" },
  nav: { group: "money", order: 40, icon: Tags },
  permission: "billing:read",
  keywords: "rates cost per million tokens versions 费率 单价 版本",
  load: () => import("./prices.tsx"),
});
