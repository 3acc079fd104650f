import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/plans/$name",
  title: { en: "Price plan", "zh-CN": "价格方案" },
  permission: "platform:billing",
  load: () => import("./plan.tsx"),
});
