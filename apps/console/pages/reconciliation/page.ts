import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/reconciliation/$id",
  title: { en: "Compared report", "zh-CN": "对账结果" },
  permission: "platform:billing",
  load: () => import("./reconciliation.tsx"),
});
