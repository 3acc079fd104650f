import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What billing may answer besides a result. */
export const billingFailures = defineFailures("billing", {
  insufficient_balance: {
    kind: "failed_precondition",
    publicCode: "BILLING_001",
    httpStatus: 402,
    text: {
      en_US: "Insufficient balance: this call needs up to {required} {currency}, {available} is available.",
      zh_CN: "余额不足：本次调用最多需要 {required} {currency}，可用余额为 {available} {currency}。",
    },
  },
  price_missing: {
    kind: "failed_precondition",
    publicCode: "BILLING_002",
    httpStatus: 403,
    text: {
      en_US: "The model '{model}' of '{provider}' has no price, so it cannot be called.",
      zh_CN: "“{provider}”的模型“{model}”没有价格，无法调用。",
    },
  },
  wallet_not_found: {
    kind: "not_found",
    publicCode: "BILLING_003",
    text: { en_US: "This tenant has no wallet.", zh_CN: "该租户没有钱包。" },
  },
  hold_not_found: {
    kind: "not_found",
    publicCode: "BILLING_004",
    text: { en_US: "No hold or usage is known for this call.", zh_CN: "没有该调用的预扣或用量记录。" },
  },
  reference_reused: {
    kind: "already_exists",
    publicCode: "BILLING_005",
    httpStatus: 422,
    text: {
      en_US: "The reference '{reference}' was used for another amount or wallet. Use a new one.",
      zh_CN: "参考号“{reference}”已用于其他金额或钱包，请换一个。",
    },
  },
  amount_out_of_range: {
    kind: "out_of_range",
    publicCode: "BILLING_006",
    text: {
      en_US: "The amount must lie between {minimum} and {maximum} {currency}.",
      zh_CN: "金额必须在 {minimum} 到 {maximum} {currency} 之间。",
    },
  },
  lease_not_found: {
    kind: "not_found",
    publicCode: "BILLING_007",
    text: { en_US: "The node has no such lease.", zh_CN: "该节点没有此租约。" },
  },
  price_unknown: {
    kind: "invalid_argument",
    publicCode: "BILLING_008",
    text: { en_US: "There is no price version {priceId}.", zh_CN: "没有价格版本 {priceId}。" },
  },
});
