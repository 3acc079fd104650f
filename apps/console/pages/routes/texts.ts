import { defineTexts } from "../../app/language.ts";

export const useRouteListTexts = defineTexts("routes", {
  en: {
    title: "Routes",
    description:
      "One name for several targets, chosen by order, weight, price, speed or score. Programs use it as the “model”.",
    create: "Create route",
    name: "Name",
    strategy: "Strategy",
    targets: "Targets",
    source: "Owner",
    "source.tenant": "you",
    "source.config": "the operator",
    version: "Version",
    updated: "Changed",
    remove: "Remove",
    removeTitle: "Remove “{{name}}”?",
    removeLoss: "Calls to “{{name}}” go to the model of that name again, or are refused if there is none.",
    wasRemoved: "“{{name}}” was removed",
    emptyTitle: "No routes yet",
    empty:
      "A route keeps programs running when a provider fails, splits traffic, or tries a new model on a few calls. Test it on recorded calls before it goes live.",
  },
  "zh-CN": {
    title: "路由",
    description: "一个名称对应多个目标，可按顺序、权重、价格、速度或评分选择。程序将其写入 model 字段。",
    create: "创建路由",
    name: "名称",
    strategy: "策略",
    targets: "目标",
    source: "归属",
    "source.tenant": "自有",
    "source.config": "运营方",
    version: "版本",
    updated: "修改时间",
    remove: "删除",
    removeTitle: "删除“{{name}}”？",
    removeLoss: "对“{{name}}”的调用将改为使用同名的其他模型，若没有则会被拒绝。",
    wasRemoved: "“{{name}}”已删除",
    emptyTitle: "还没有路由",
    empty: "路由可在供应商故障时自动切换、分摊调用，或让少量调用试用新模型。上线前可先用历史调用试运行。",
  },
});
