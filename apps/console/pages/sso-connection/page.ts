import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/sso/$id",
  title: { en: "Identity provider", "zh-CN": "身份提供方" },
  permission: "sso:manage",
  load: () => import("./sso-connection.tsx"),
});
