import { Ticket } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/codes",
  title: { en: "Redemption codes", "zh-CN": "兑换码" },
  nav: { group: "money", order: 50, icon: Ticket },
  permission: "platform:billing",
  keywords: "voucher gift credit coupon 优惠 赠送",
  load: () => import("./codes.tsx"),
});
