import { Users } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/people",
  title: { en: "People", "zh-CN": "成员" },
  nav: { group: "people", order: 10, icon: Users },
  permission: "user:list",
  keywords: "members users invite invitations 邀请 用户",
  load: () => import("./people.tsx"),
});
