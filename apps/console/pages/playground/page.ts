import { MessagesSquare } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/playground",
  title: { en: "Playground", "zh-CN": "试验场" },
  nav: { group: "build", order: 10, icon: MessagesSquare },
  permission: "model:call",
  keywords: "chat compare models stream prompt 对话 比较",
  load: () => import("./playground.tsx"),
});
