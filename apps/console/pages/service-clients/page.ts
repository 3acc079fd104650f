import { Bot } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/service-clients",
  title: { en: "Service clients", "zh-CN": "服务客户端" },
  nav: { group: "build", order: 25, icon: Bot },
  permission: "client:read",
  keywords: "oauth client credentials machine token secret jwks 机器 凭据 令牌",
  load: () => import("./service-clients.tsx"),
});
