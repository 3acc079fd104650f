import { Split } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/routes",
  title: { en: "Routes", "zh-CN": "路由" },
  nav: { group: "build", order: 40, icon: Split },
  permission: "provider:read",
  keywords: "fallback weights experiment failover 回退 权重 实验",
  load: () => import("./routes.tsx"),
});
