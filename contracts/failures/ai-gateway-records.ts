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
});
