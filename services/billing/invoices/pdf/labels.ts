import type { Bucket } from "@lyss/contracts/pricing/price.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";

/** What stands on invoices beside the data, in one language. */
export interface Labels {
  /** As BCP 47 writes it. */
  readonly language: string;
  readonly invoice: string;
  readonly statement: string;
  readonly draft: string;
  readonly number: string;
  readonly issued: string;
  readonly period: string;
  readonly currency: string;
  readonly billedTo: string;
  readonly tenant: string;
  readonly taxId: string;
  readonly summary: string;
  readonly opening: string;
  readonly closing: string;
  readonly total: string;
  readonly due: string;
  readonly prepaid: string;
  readonly draftNote: string;
  readonly usage: string;
  readonly usageNote: string;
  readonly movements: string;
  readonly nothing: string;
  readonly model: string;
  readonly item: string;
  readonly quantity: string;
  readonly unitPrice: string;
  readonly amount: string;
  readonly date: string;
  readonly reference: string;
  readonly count: string;
  readonly calls: (count: string) => string;
  readonly estimated: (count: string) => string;
  readonly priceVersion: (version: number) => string;
  readonly tier: (above: string) => string;
  readonly modes: Readonly<Record<string, string>>;
  readonly about: (period: string) => string;
  readonly rounding: string;
  readonly markup: string;
  readonly uncollected: string;
  readonly otherUsage: string;
  readonly several: (count: number) => string;
  readonly compact: string;
  readonly page: (page: number, pages: number) => string;
  readonly made: string;
  readonly buckets: Readonly<Record<Bucket, string>>;
  /** Kinds of posting and what they are called; one that is not here is called by its own name. */
  readonly categories: Readonly<Record<string, string>>;
}

const en: Labels = {
  language: "en",
  invoice: "Invoice",
  statement: "Statement of account",
  draft: "Draft invoice",
  number: "Number",
  issued: "Issued",
  period: "Period (UTC)",
  currency: "Currency",
  billedTo: "Billed to",
  tenant: "Tenant",
  taxId: "Tax ID",
  summary: "Summary",
  opening: "Opening balance",
  closing: "Closing balance",
  total: "Total usage",
  due: "Amount due",
  prepaid: "Paid in full from the prepaid balance. Nothing is left to pay.",
  draftNote: "This period is not closed. Amounts still change, and this is no invoice.",
  usage: "Usage",
  usageNote: "Each call is charged exactly and rounded up once, to a billionth of the currency unit.",
  movements: "Top-ups, credits and corrections",
  nothing: "None in this period.",
  model: "Model",
  item: "Item",
  quantity: "Quantity",
  unitPrice: "Price per million",
  amount: "Amount",
  date: "Date (UTC)",
  reference: "Reference",
  count: "Count",
  calls: (count) => `${count} ${count === "1" ? "call" : "calls"}`,
  estimated: (count) => `${count} estimated`,
  priceVersion: (version) => `price version ${version}`,
  tier: (above) => `over ${above} input tokens`,
  modes: { batch: "batch", flex: "flex", priority: "priority" },
  about: (period) => `correction: period from ${period}`,
  rounding: "Rounding of each call",
  markup: "Mark-up or discount",
  uncollected: "Not collected, borne by the seller",
  otherUsage: "Other usage, without details",
  several: (count) => `${count} postings together`,
  compact: "This period has too many lines for their parts to be shown here; the CSV file has them all.",
  page: (page, pages) => `Page ${page} of ${pages}`,
  made: "Made from the journal: the opening balance and all lines are the closing balance.",
  buckets: {
    input: "Input tokens",
    cacheRead: "Cached input tokens",
    cacheWrite5m: "Cache writes, 5 min",
    cacheWrite1h: "Cache writes, 1 h",
    output: "Output tokens",
    reasoning: "Reasoning tokens",
    audioInput: "Audio input tokens",
    audioOutput: "Audio output tokens",
    imageInput: "Image input tokens",
    imageOutput: "Image output tokens",
    toolCalls: "Tool calls",
    requests: "Requests",
    images: "Images",
    seconds: "Seconds",
    characters: "Characters",
  },
  categories: {
    usage: "Usage",
    top_up: "Top-up",
    payment: "Payment",
    grant: "Credit granted",
    grant_expiry: "Credit expired",
    refund: "Refund of usage",
    payment_refund: "Refund of a payment",
    payment_refund_paid: "Refund paid out",
    payment_refund_failed: "Refund that failed",
    charge_back: "Charge-back",
    charge_back_won: "Charge-back won",
    credit_limit: "Credit line",
    adjustment: "Adjustment",
    correction: "Correction",
    code: "Redemption code",
    debt: "Debt",
    transfer: "Transfer",
  },
};

const zh: Labels = {
  language: "zh-CN",
  invoice: "账单",
  statement: "对账单",
  draft: "账单草稿",
  number: "编号",
  issued: "出具日期",
  period: "账期（UTC）",
  currency: "币种",
  billedTo: "客户",
  tenant: "租户",
  taxId: "税号",
  summary: "汇总",
  opening: "期初余额",
  closing: "期末余额",
  total: "用量合计",
  due: "应付金额",
  prepaid: "已由预付余额全额支付，无需再付款。本账单不是税务发票。",
  draftNote: "本账期尚未关闭，金额仍会变化；此草稿不是账单。",
  usage: "用量",
  usageNote: "每次调用按实际用量精确计费，仅向上取整一次，精确到币种单位的十亿分之一。",
  movements: "充值、赠额与更正",
  nothing: "本账期无记录。",
  model: "模型",
  item: "项目",
  quantity: "数量",
  unitPrice: "每百万单价",
  amount: "金额",
  date: "日期（UTC）",
  reference: "参考号",
  count: "笔数",
  calls: (count) => `${count} 次调用`,
  estimated: (count) => `其中 ${count} 次为估算`,
  priceVersion: (version) => `价格版本 ${version}`,
  tier: (above) => `输入超过 ${above} token`,
  modes: { batch: "批处理", flex: "弹性", priority: "优先" },
  about: (period) => `更正：${period} 起的账期`,
  rounding: "逐次取整",
  markup: "加价或折扣",
  uncollected: "未收取，由销售方承担",
  otherUsage: "其他用量（无明细）",
  several: (count) => `共 ${count} 笔`,
  compact: "本账期明细过多，此处不列出各项构成；CSV 文件中有全部明细。",
  page: (page, pages) => `第 ${page} 页，共 ${pages} 页`,
  made: "依据账本生成：期初余额加上所有明细等于期末余额。",
  buckets: {
    input: "输入 token",
    cacheRead: "缓存读取 token",
    cacheWrite5m: "缓存写入（5 分钟）",
    cacheWrite1h: "缓存写入（1 小时）",
    output: "输出 token",
    reasoning: "推理 token",
    audioInput: "音频输入 token",
    audioOutput: "音频输出 token",
    imageInput: "图像输入 token",
    imageOutput: "图像输出 token",
    toolCalls: "工具调用",
    requests: "请求",
    images: "图像",
    seconds: "秒",
    characters: "字符",
  },
  categories: {
    usage: "用量",
    top_up: "充值",
    payment: "付款",
    grant: "赠送额度",
    grant_expiry: "赠额过期",
    refund: "用量退款",
    payment_refund: "付款退款",
    payment_refund_paid: "退款已支付",
    payment_refund_failed: "退款失败",
    charge_back: "拒付",
    charge_back_won: "拒付撤销",
    credit_limit: "信用额度",
    adjustment: "调整",
    correction: "更正",
    code: "兑换码",
    debt: "欠款",
    transfer: "转账",
  },
};

export const labelsByLocale: Readonly<Record<Locale, Labels>> = { en_US: en, zh_CN: zh };

/** What a kind of posting is called: its own name where there is no better one. */
export function categoryLabel({ categories }: Labels, category: string): string {
  return categories[category] ?? category.replaceAll("_", " ");
}
