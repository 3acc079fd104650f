import { KeyRound } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/keys",
  title: { en: "API keys", "zh-CN": "API 密钥" },
  nav: { group: "build", order: 20, icon: KeyRound },
  permission: "key:read",
  keywords: "secret token revoke rotate 令牌",
  load: () => import("./keys.tsx"),
});
