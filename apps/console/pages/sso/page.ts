import { LogIn } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/sso",
  title: { en: "Single sign-on", "zh-CN": "单点登录" },
  nav: { group: "people", order: 40, icon: LogIn },
  permission: "sso:manage",
  keywords: "sso oidc saml okta entra keycloak identity provider 身份提供方",
  load: () => import("./sso.tsx"),
});
