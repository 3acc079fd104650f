import { Rocket } from "lucide-react";
import { definePage } from "../../app/define-page.ts";

export const page = definePage({
  path: "/start",
  title: { en: "Get started", "zh-CN": "快速开始" },
  nav: { group: "start", order: 10, icon: Rocket },
  keywords: "first call snippet curl python node onboarding 入门",
  load: () => import("./start.tsx"),
});
