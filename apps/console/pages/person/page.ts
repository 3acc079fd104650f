import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/people/$id",
  title: { en: "Person", "zh-CN": "成员详情" },
  permission: "user:list",
  load: () => import("./person.tsx"),
});
