import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/routes/edit",
  title: { en: "Route", "zh-CN": "路由" },
  permission: "provider:read",
  load: () => import("./route.tsx"),
});
