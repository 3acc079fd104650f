import { ChartNoAxesColumn } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/overview",
  title: { en: "Overview", "zh-CN": "概览" },
  nav: { group: "start", order: 20, icon: ChartNoAxesColumn },
  permission: "billing:read",
  keywords: "spend cost usage tokens errors latency dashboard 费用 用量",
  load: () => import("./overview.tsx"),
});
