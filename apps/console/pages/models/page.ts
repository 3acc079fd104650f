import { Boxes } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/models",
  title: { en: "Models", "zh-CN": "模型" },
  nav: { group: "build", order: 30, icon: Boxes },
  permission: "provider:read",
  keywords: "providers prices health catalogue 供应商 价格",
  load: () => import("./models.tsx"),
});
