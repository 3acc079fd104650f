import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/invoices/$id",
  title: { en: "Invoice", "zh-CN": "账单" },
  permission: "billing:read",
  load: () => import("./invoice.tsx"),
});
