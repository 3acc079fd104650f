import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/organisations/$id",
  title: { en: "Organisation", "zh-CN": "组织" },
  permission: "platform:tenants",
  load: () => import("./tenant.tsx"),
});
