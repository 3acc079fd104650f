import { ReceiptText } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/invoices",
  title: { en: "Invoices", "zh-CN": "账单" },
  nav: { group: "money", order: 30, icon: ReceiptText },
  permission: "billing:read",
  keywords: "statement bill pdf csv tax address 对账单 发票 账期",
  load: () => import("./invoices.tsx"),
});
