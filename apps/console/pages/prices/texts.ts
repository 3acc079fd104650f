import { defineTexts } from "../../app/language.ts";

export const usePricesTexts = defineTexts("prices", {
  en: {
    title: "Price book",
    description:
      "What your organisation pays, in USD for a million tokens. A price never changes: a new one is a new version, and each call names the one it was charged at.",
    model: "Model",
    provider: "Provider",
    input: "Input",
    cached: "Cached input",
    output: "Output",
    extras: "Also",
    tiers: "long input",
    windows: "time of day",
    since: "In effect",
    version: "version {{number}}",
    emptyTitle: "No prices yet",
    empty:
      "A model without a price cannot be called. Prices come with a provider’s configuration, from the list of well-known prices, or from an operator.",
  },
  "zh-CN": {
    title: "价格",
    description:
      "您的组织支付的价格，单位为美元每百万 token。价格一经生效不再改变：调价即新增版本，每次调用都注明计费所用的版本。",
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
    empty: "没有价格的模型无法调用。价格来自供应商配置、常见价格清单或运营人员设置。",
  },
});
