import { defineFailures } from "../errors/failure.ts";

/** Calls that were refused before anything was done for them, and orders that cannot be carried out. */
export const resilienceFailures = defineFailures("resilience", {
  circuit_open: {
    kind: "unavailable",
    publicCode: "RES_001",
    isRetryable: true,
    text: {
      en_US: "{policy} has failed too often and is left alone for a while. Try again later.",
      zh_CN: "{policy} 近期失败过多，已暂停调用，请稍后重试。",
    },
  },
  bulkhead_full: {
    kind: "unavailable",
    publicCode: "RES_002",
    isRetryable: true,
    text: {
      en_US: "{policy} is working on as many calls as it can. Try again later.",
      zh_CN: "{policy} 的并发已满，请稍后重试。",
    },
  },
  feature_suspended: {
    kind: "unavailable",
    publicCode: "RES_003",
    isRetryable: true,
    text: {
      en_US: "'{feature}' is not offered while the platform does only what matters most. Try again later.",
      zh_CN: "平台当前仅提供核心功能，“{feature}”暂不可用，请稍后重试。",
    },
  },
  policy_not_found: {
    kind: "not_found",
    publicCode: "RES_004",
    text: { en_US: "There is no policy '{policy}' here.", zh_CN: "此处没有名为“{policy}”的策略。" },
  },
  policy_without_breaker: {
    kind: "failed_precondition",
    publicCode: "RES_005",
    httpStatus: 409,
    text: {
      en_US: "The policy '{policy}' has no circuit breaker. Give it one under resilience.policies.",
      zh_CN: "策略“{policy}”没有熔断器，请在 resilience.policies 中为其配置。",
    },
  },
  feature_not_found: {
    kind: "not_found",
    publicCode: "RES_006",
    text: {
      en_US: "There is no feature '{feature}' that could be degraded here.",
      zh_CN: "此处没有可降级的功能“{feature}”。",
    },
  },
  rate_limited: {
    kind: "resource_exhausted",
    publicCode: "RES_007",
    isRetryable: true,
    text: {
      en_US: "Too many requests by this {subject}. Try again in {retryAfterSeconds} s.",
      zh_CN: "该{subject}的请求过多，请在 {retryAfterSeconds} 秒后重试。",
    },
  },
  too_many_at_once: {
    kind: "resource_exhausted",
    publicCode: "RES_008",
    isRetryable: true,
    text: {
      en_US: "This {subject} has {limit} requests under way, as many as it may have. Wait for one to end.",
      zh_CN: "该{subject}已有 {limit} 个请求在处理中，达到上限，请等待其中一个结束。",
    },
  },
});
