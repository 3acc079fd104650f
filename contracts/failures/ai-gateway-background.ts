import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer of responses in the background. */
export const backgroundFailures = defineFailures("ai_gateway", {
  too_many_background_responses: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_150",
    isRetryable: true,
    text: {
      en_US: "There may be {limit} responses in the background at once. Wait for one to end, or cancel one.",
      zh_CN: "同时最多可有 {limit} 个后台响应，请等待其中一个结束或取消一个。",
    },
  },
  response_expired: {
    kind: "deadline_exceeded",
    publicCode: "GATEWAY_151",
    text: {
      en_US:
        "A response may run for {minutes} minutes in the background. It was ended, and is charged like one that is cancelled.",
      zh_CN: "后台响应最长可运行 {minutes} 分钟；该响应已被终止，并按取消计费。",
    },
  },
  response_not_streamed: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_152",
    httpStatus: 400,
    text: {
      en_US: "Only a response that was created with 'background' and 'stream' can be streamed again.",
      zh_CN: "只有以“background”和“stream”创建的响应才能再次以流的形式读取。",
    },
  },
});
