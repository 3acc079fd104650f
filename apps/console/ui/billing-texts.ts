import { defineTexts } from "../app/language.ts";

const bucketsEn = {
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
} as const;
export type Bucket = keyof typeof bucketsEn;

const categoriesEn = {
  usage: "Usage",
  top_up: "Top-up",
  payment: "Payment",
  grant: "Credit granted",
  grant_expiry: "Credit expired",
  refund: "Refund of usage",
  payment_refund: "Refund of a payment",
  payment_refund_paid: "Refund paid out",
  payment_refund_failed: "Refund that failed",
  charge_back: "Chargeback",
  charge_back_won: "Chargeback won",
  credit_limit: "Credit line",
  adjustment: "Adjustment",
  correction: "Correction",
  code: "Redemption code",
  debt: "Debt",
  transfer: "Transfer",
} as const;
type Category = keyof typeof categoriesEn;

const useBucketTexts = defineTexts<Bucket>("buckets", {
  en: bucketsEn,
  "zh-CN": {
    input: "输入 Token",
    cacheRead: "缓存读取 Token",
    cacheWrite5m: "缓存写入（5 分钟）",
    cacheWrite1h: "缓存写入（1 小时）",
    output: "输出 Token",
    reasoning: "推理 Token",
    audioInput: "音频输入 Token",
    audioOutput: "音频输出 Token",
    imageInput: "图像输入 Token",
    imageOutput: "图像输出 Token",
    toolCalls: "工具调用",
    requests: "请求",
    images: "图像",
    seconds: "秒",
    characters: "字符",
  },
});

const modesEn = { batch: "Batch", flex: "Flex", priority: "Priority" } as const;

const useModeTexts = defineTexts("service-modes", {
  en: modesEn,
  "zh-CN": { batch: "批处理", flex: "弹性", priority: "优先" },
});

const useCategoryTexts = defineTexts<Category>("movement-categories", {
  en: categoriesEn,
  "zh-CN": {
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
});

export const movementCategories = Object.keys(categoriesEn) as readonly Category[];

/** What a kind of posting is called, as on invoices: its own name where there is no better one. */
export function useCategoryName(): (category: string) => string {
  const t = useCategoryTexts();
  return (category) => (category in categoriesEn ? t(category as Category) : category);
}

/** What a bucket is called. Price books write `cache_read`, invoices `cacheRead`. */
export function useBucketName(): (bucket: string) => string {
  const t = useBucketTexts();
  return (bucket) => {
    const name = bucket.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    return name in bucketsEn ? t(name as Bucket) : bucket;
  };
}

/** How fast a provider has promised to answer, in words: `batch` as "Batch". */
export function useModeName(): (mode: string) => string {
  const t = useModeTexts();
  return (mode) => (mode in modesEn ? t(mode as keyof typeof modesEn) : mode);
}
