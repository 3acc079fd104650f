import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where records of calls are concerned: what was said in them, and where they are sent. */
export const recordFailures = defineFailures("ai_gateway", {
  request_body_policy_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_112",
    text: {
      en_US: "Requests and answers are not kept for this tenant. PUT the policy to keep them.",
      zh_CN: "此租户未保存请求和回答的内容。如需保存，请 PUT 该策略。",
    },
  },
  request_body_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_113",
    text: {
      en_US:
        "Nothing is kept of what was said in the call '{id}': it was not to be kept, its time is over, or there is no such call.",
      zh_CN: "没有保存调用“{id}”的内容：未要求保存、已过保存期，或没有此调用。",
    },
  },
  feedback_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_132",
    text: {
      en_US: "You have given the call '{id}' no score '{name}'.",
      zh_CN: "您没有为调用“{id}”给出评分“{name}”。",
    },
  },
  too_much_feedback: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_133",
    httpStatus: 409,
    text: {
      en_US: "The call '{id}' has {limit} scores, and may have no more.",
      zh_CN: "调用“{id}”已有 {limit} 个评分，不能再增加。",
    },
  },
  export_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_114",
    text: { en_US: "There is no export '{name}'.", zh_CN: "没有名为“{name}”的导出。" },
  },
  export_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_115",
    httpStatus: 412,
    text: {
      en_US: "The export has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "导出已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_exports: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_116",
    httpStatus: 409,
    text: { en_US: "There may be {limit} exports.", zh_CN: "最多可有 {limit} 个导出。" },
  },
});
