import { ShieldCheck } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/integrity",
  title: { en: "Ledger check", "zh-CN": "账本检查" },
  nav: { group: "money", order: 70, icon: ShieldCheck },
  permission: "platform:billing",
  keywords: "integrity verify journal ledger chain audit 核对 完整性",
  load: () => import("./integrity.tsx"),
});
