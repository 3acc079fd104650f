import { ListTree } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/requests",
  title: { en: "Requests", "zh-CN": "请求" },
  nav: { group: "observe", order: 20, icon: ListTree },
  permission: "billing:read",
  keywords: "calls logs usage history errors 调用 日志 用量",
  load: () => import("./requests.tsx"),
});
