import { ScrollText } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/audit",
  title: { en: "Audit log", "zh-CN": "审计日志" },
  nav: { group: "people", order: 60, icon: ScrollText },
  permission: "audit:read",
  keywords: "log history who did 日志 记录",
  load: () => import("./audit.tsx"),
});
