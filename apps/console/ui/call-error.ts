import { defineTexts } from "../app/language.ts";

export const callErrors = [
  ...(["rate_limited", "overloaded", "timeout", "rejected", "unauthorized"] as const),
  ...(["provider_failed", "broken_off", "blocked", "gateway"] as const),
] as const;
export type CallError = (typeof callErrors)[number];

/** What went wrong with a call. */
export const useCallErrorTexts = defineTexts<CallError>("call-error", {
  en: {
    rate_limited: "Rate limit of the provider",
    overloaded: "Provider overloaded",
    timeout: "Timed out",
    rejected: "Request refused",
    unauthorized: "Credential refused",
    provider_failed: "Provider failed",
    broken_off: "Answer broke off",
    blocked: "Blocked by a guardrail",
    gateway: "Ended by the gateway",
  },
  "zh-CN": {
    rate_limited: "供应商限流",
    overloaded: "供应商过载",
    timeout: "超时",
    rejected: "请求被拒绝",
    unauthorized: "凭证被拒绝",
    provider_failed: "供应商故障",
    broken_off: "响应中断",
    blocked: "被护栏拦截",
    gateway: "由网关终止",
  },
});
