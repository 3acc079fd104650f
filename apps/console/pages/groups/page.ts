import { Network } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/groups",
  title: { en: "Groups", "zh-CN": "群组" },
  nav: { group: "people", order: 20, icon: Network },
  permission: "group:read",
  keywords: "teams departments 团队 部门",
  load: () => import("./groups.tsx"),
});
