import { Wallet } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/wallet",
  title: { en: "Wallet", "zh-CN": "钱包" },
  nav: { group: "money", order: 10, icon: Wallet },
  permission: "billing:read",
  keywords: "balance credit top-up redeem code payment 余额 充值 兑换码 付款",
  load: () => import("./wallet.tsx"),
});
