import { defineTexts } from "../../app/language.ts";

export const usePricesTexts = defineTexts("prices", {
  en: {
    title: "Price book",
    description:
      "What your organisation pays, in USD per million tokens. A price never changes: every update is a new version, and each call records the version it was charged at.",
    model: "Model",
    provider: "Provider",
    input: "Input",
    cached: "Cached input",
    output: "Output",
    extras: "Special rates",
    tiers: "long input",
    windows: "time of day",
    since: "In effect",
    version: "version {{number}}",
    emptyTitle: "No prices yet",
    empty:
      "A model without a price cannot be called. Prices come from a provider’s configuration, the public price list or an operator.",
  },
  "zh-CN": {
    title: "价目表",
    description:
      "您的组织支付的价格，单位为美元每百万 Token。价格一经生效不再改变：调价即新增版本，每次调用都注明计费所用的版本。",
    model: "模型",
    provider: "供应商",
    input: "输入",
    cached: "缓存输入",
    output: "输出",
    extras: "附加规则",
    tiers: "长输入",
    windows: "分时段",
    since: "生效时间",
    version: "版本 {{number}}",
    emptyTitle: "还没有价格",
    empty: "没有价格的模型无法调用。价格来自供应商配置、公开价目表或运营人员设置。",
  },
});
