import { AppWindow } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/apps",
  title: { en: "Sign in with Lyss", "zh-CN": "使用 Lyss 登录" },
  nav: { group: "people", order: 45, icon: AppWindow },
  permission: "sso:manage",
  keywords: "apps oauth openid connect provider client redirect 应用 身份提供方",
  load: () => import("./apps.tsx"),
});
