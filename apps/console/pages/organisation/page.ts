import { Building2 } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/organisation",
  title: { en: "Organisation", "zh-CN": "组织设置" },
  nav: { group: "people", order: 70, icon: Building2 },
  permission: "tenant:read",
  keywords: "tenant organization domains data policy retention mfa 租户 域名 数据策略",
  load: () => import("./organisation.tsx"),
});
