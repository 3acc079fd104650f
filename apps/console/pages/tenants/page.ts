import { Building } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/organisations",
  title: { en: "Organisations", "zh-CN": "全部组织" },
  nav: { group: "people", order: 80, icon: Building },
  permission: "platform:tenants",
  keywords: "tenants customers suspend create credit grant 租户 客户 停用 赠送",
  load: () => import("./tenants.tsx"),
});
