import { IdCard } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/roles",
  title: { en: "Roles", "zh-CN": "角色" },
  nav: { group: "people", order: 30, icon: IdCard },
  permission: "tenant:read",
  keywords: "permissions rbac 权限",
  load: () => import("./roles.tsx"),
});
