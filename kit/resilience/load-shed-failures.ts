import { defineFailures } from "../errors/failure.ts";

/** Work refused because this process has too much of it. */
export const loadShedFailures = defineFailures("load", {
  overloaded: {
    kind: "unavailable",
    publicCode: "OVERLOADED",
    isRetryable: true,
    text: {
      en_US: "There is more work than can be done just now. Try again in {retryAfterSeconds} s.",
      zh_CN: "当前负载过高，请在 {retryAfterSeconds} 秒后重试。",
    },
  },
});
