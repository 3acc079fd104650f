import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/prices/versions",
  title: { en: "Price of a model", "zh-CN": "模型价格" },
  permission: "billing:read",
  load: () => import("./price.tsx"),
});
