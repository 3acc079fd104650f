import { defineFailures } from "../errors/failure.ts";

/** Calls that a policy refused before anything was sent. */
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
});
