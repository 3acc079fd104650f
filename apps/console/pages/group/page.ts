import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/groups/$id",
  title: { en: "Group", "zh-CN": "群组详情" },
  permission: "group:read",
  load: () => import("./group.tsx"),
});
