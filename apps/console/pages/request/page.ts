import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/requests/$id",
  title: { en: "Request", "zh-CN": "请求" },
  permission: "billing:read",
  load: () => import("./request.tsx"),
});
