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
      en_US:
        "The model '{model}' of '{provider}' has no price, so it cannot be called. Give one with the model, or let an operator do it: lyss prices set {provider} {model} --input <USD per million tokens> --output <USD>.",
      zh_CN:
        "“{provider}”的模型“{model}”没有价格，无法调用。请在模型配置中给出价格，或由运营者设置：lyss prices set {provider} {model} --input <每百万 token 的美元价格> --output <美元价格>。",
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
  integrity_run_not_found: {
    kind: "not_found",
    publicCode: "BILLING_080",
    text: { en_US: "There is no check of the journal {runId}.", zh_CN: "没有账本检查 {runId}。" },
  },
  reconciliation_not_found: {
    kind: "not_found",
    publicCode: "BILLING_081",
    text: { en_US: "There is no reconciliation {reconciliationId}.", zh_CN: "没有对账记录 {reconciliationId}。" },
  },
  plan_not_found: {
    kind: "not_found",
    publicCode: "BILLING_020",
    text: { en_US: "There is no price plan '{plan}'.", zh_CN: "没有名为“{plan}”的价格方案。" },
  },
  payments_not_offered: {
    kind: "not_found",
    publicCode: "BILLING_030",
    text: {
      en_US: "This installation takes no payments: no payment provider is configured.",
      zh_CN: "此安装未配置支付服务商，不接受付款。",
    },
  },
  return_url_refused: {
    kind: "invalid_argument",
    publicCode: "BILLING_031",
    text: {
      en_US: "{field} must be a URL of one of the origins in payments.returnOrigins.",
      zh_CN: "{field} 必须是 payments.returnOrigins 所列来源之一的 URL。",
    },
  },
  order_not_found: {
    kind: "not_found",
    publicCode: "BILLING_032",
    text: { en_US: "There is no such top-up order.", zh_CN: "没有此充值订单。" },
  },
  too_many_orders: {
    kind: "resource_exhausted",
    publicCode: "BILLING_033",
    text: {
      en_US: "At most {maximum} top-up orders may be open at a time. Pay one, or wait until one expires.",
      zh_CN: "同时最多可有 {maximum} 个未完成的充值订单，请先付款或等待其过期。",
    },
  },
  webhook_refused: {
    kind: "invalid_argument",
    publicCode: "BILLING_034",
    text: {
      en_US: "The notification is not signed by the payment provider, is too old, or is not readable.",
      zh_CN: "该通知没有支付服务商的有效签名、已过时或无法读取。",
    },
  },
  payment_mismatch: {
    kind: "invalid_argument",
    publicCode: "BILLING_035",
    text: {
      en_US: "The payment does not fit its order: the {field} differs.",
      zh_CN: "付款与订单不符：{field} 不一致。",
    },
  },
  payment_provider_failed: {
    kind: "unavailable",
    publicCode: "BILLING_036",
    isRetryable: true,
    text: {
      en_US: "The payment provider cannot be reached or failed. Repeat the request with the same Idempotency-Key.",
      zh_CN: "无法连接支付服务商或其处理失败，请使用相同的 Idempotency-Key 重试。",
    },
  },
  payment_refused: {
    kind: "failed_precondition",
    publicCode: "BILLING_037",
    httpStatus: 502,
    text: {
      en_US: "The payment provider refused the request ({reason}).",
      zh_CN: "支付服务商拒绝了该请求（{reason}）。",
    },
  },
  expiry_in_past: {
    kind: "invalid_argument",
    publicCode: "BILLING_038",
    text: { en_US: "The end must lie in the future.", zh_CN: "到期时间必须晚于当前时间。" },
  },
  too_many_grants: {
    kind: "resource_exhausted",
    publicCode: "BILLING_039",
    httpStatus: 422,
    text: {
      en_US: "A wallet has at most {maximum} open grants.",
      zh_CN: "一个钱包最多有 {maximum} 笔未结束的赠送额度。",
    },
  },
  code_invalid: {
    kind: "not_found",
    publicCode: "BILLING_040",
    text: { en_US: "This code is not valid, or not any more.", zh_CN: "此兑换码无效或已失效。" },
  },
  code_redeemed_before: {
    kind: "already_exists",
    publicCode: "BILLING_041",
    text: {
      en_US: "This tenant has redeemed the code, or another one of the same campaign.",
      zh_CN: "该租户已兑换过此码或同一活动的其他码。",
    },
  },
  code_batch_not_found: {
    kind: "not_found",
    publicCode: "BILLING_042",
    text: { en_US: "There is no such batch of codes.", zh_CN: "没有此批兑换码。" },
  },
  amount_unavailable: {
    kind: "failed_precondition",
    publicCode: "BILLING_043",
    httpStatus: 422,
    text: {
      en_US: "{requested} {currency} cannot be taken: {available} is available.",
      zh_CN: "无法扣除 {requested} {currency}：可用余额为 {available}。",
    },
  },
  call_not_found: {
    kind: "not_found",
    publicCode: "BILLING_044",
    text: { en_US: "No such call was recorded.", zh_CN: "没有此调用的记录。" },
  },
  refund_too_large: {
    kind: "out_of_range",
    publicCode: "BILLING_045",
    httpStatus: 422,
    text: {
      en_US: "At most {maximum} {currency} can be refunded.",
      zh_CN: "最多可退 {maximum} {currency}。",
    },
  },
  budget_exceeded: {
    kind: "failed_precondition",
    publicCode: "BILLING_050",
    httpStatus: 402,
    text: {
      en_US:
        "Budget exceeded: this call needs up to {required} {unit}, and {available} of {limit} is left in a budget ({limit_source}, {period}).",
      zh_CN:
        "预算不足：本次调用最多需要 {required} {unit}，预算（{limit_source}，{period}）{limit} 中剩余 {available}。",
    },
  },
  // Not of the kinds that a client between services repeats by itself: billing has waited for what could come back.
  quota_exceeded: {
    kind: "failed_precondition",
    publicCode: "BILLING_051",
    httpStatus: 429,
    text: {
      en_US:
        "Quota exceeded: this call needs {required} {unit}, and {available} of {limit} is left in a quota ({limit_source}, {period}).",
      zh_CN: "配额不足：本次调用需要 {required} {unit}，配额（{limit_source}，{period}）{limit} 中剩余 {available}。",
    },
  },
  budget_not_found: {
    kind: "not_found",
    publicCode: "BILLING_052",
    text: { en_US: "There is no such budget.", zh_CN: "没有此预算。" },
  },
  too_many_budgets: {
    kind: "failed_precondition",
    publicCode: "BILLING_053",
    httpStatus: 409,
    text: {
      en_US: "A tenant may have {most} budgets. Delete some first.",
      zh_CN: "每个租户最多 {most} 个预算，请先删除一些。",
    },
  },
  quota_not_visible: {
    kind: "permission_denied",
    publicCode: "BILLING_054",
    text: {
      en_US: "Other people's quotas are shown to those who hold billing:budget.",
      zh_CN: "查看他人的配额需要 billing:budget 权限。",
    },
  },
  invoice_not_found: {
    kind: "not_found",
    publicCode: "BILLING_060",
    text: { en_US: "There is no such invoice.", zh_CN: "没有此账单。" },
  },
  invoice_damaged: {
    kind: "data_loss",
    publicCode: "BILLING_061",
    text: {
      en_US: "Invoice {number} is not what was issued. It is not shown; the operators have been told.",
      zh_CN: "账单 {number} 与出具时的内容不符，不予显示；已通知运营人员。",
    },
  },
  documents_busy: {
    kind: "unavailable",
    publicCode: "BILLING_062",
    isRetryable: true,
    text: {
      en_US: "Too many documents are being made at this moment. Try again in a few seconds.",
      zh_CN: "当前生成的文件过多，请几秒后重试。",
    },
  },
  report_unaffordable: {
    kind: "failed_precondition",
    publicCode: "BILLING_071",
    httpStatus: 402,
    text: {
      en_US:
        "Insufficient balance: this usage costs {required} {currency}, {available} is available. Nothing was recorded.",
      zh_CN: "余额不足：这些用量共需 {required} {currency}，可用余额为 {available} {currency}。未记录任何内容。",
    },
  },
  report_changed: {
    kind: "already_exists",
    publicCode: "BILLING_072",
    httpStatus: 422,
    text: {
      en_US: "Usage '{id}' was reported before, and said something else. Use a new id.",
      zh_CN: "用量“{id}”此前已上报且内容不同，请使用新的 id。",
    },
  },
  credit_not_in_plan: {
    kind: "failed_precondition",
    publicCode: "BILLING_073",
    httpStatus: 422,
    text: {
      en_US:
        "A credit limit of {requested} {currency} is more than the tenant's plan allows: {allowed}. Put it on a plan whose max_credit_limit is high enough.",
      zh_CN:
        "信用额度 {requested} {currency} 超出该租户计费方案允许的 {allowed}。请将其加入 max_credit_limit 足够高的方案。",
    },
  },
  usage_not_found: {
    kind: "not_found",
    publicCode: "BILLING_070",
    text: { en_US: "There is no usage of such a call.", zh_CN: "没有此调用的用量记录。" },
  },
});
