import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where agents are concerned. */
export const agentFailures = defineFailures("ai_gateway", {
  agent_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_134",
    text: {
      en_US: "There is no agent '{agent}' that you may use. GET /api/v1/ai/agents lists them.",
      zh_CN: "没有您可以使用的智能体“{agent}”，可用者见 GET /api/v1/ai/agents。",
    },
  },
  too_many_agents: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_135",
    httpStatus: 409,
    text: { en_US: "A tenant may have {limit} agents.", zh_CN: "每个租户最多可有 {limit} 个智能体。" },
  },
  agent_failed: {
    kind: "unavailable",
    publicCode: "GATEWAY_136",
    httpStatus: 502,
    text: {
      en_US: "The agent '{agent}' did not answer as it should: {reason}. Nothing was charged.",
      zh_CN: "智能体“{agent}”的响应不符合要求：{reason}。未计费。",
    },
  },
  agent_timeout: {
    kind: "deadline_exceeded",
    publicCode: "GATEWAY_137",
    text: {
      en_US: "The agent '{agent}' did not answer within {timeoutMs} ms. Nothing was charged.",
      zh_CN: "智能体“{agent}”在 {timeoutMs} 毫秒内未响应，未计费。",
    },
  },
  agent_refused: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_138",
    text: {
      en_US: "The agent '{agent}' refused the call with the error {rpcCode}. Nothing was charged.",
      zh_CN: "智能体“{agent}”以错误 {rpcCode} 拒绝了此调用，未计费。",
    },
  },
  agent_task_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_139",
    text: {
      en_US: "There is no task or context '{id}' of yours at the agent '{agent}'.",
      zh_CN: "智能体“{agent}”处没有属于您的任务或上下文“{id}”。",
    },
  },
});
