import { UserCog } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/settings",
  title: { en: "Your account", "zh-CN": "我的账户" },
  nav: { group: "people", order: 90, icon: UserCog },
  keywords: "settings profile password passkey totp mfa sessions language 设置 密码 通行密钥 两步验证 会话",
  load: () => import("./settings.tsx"),
});
