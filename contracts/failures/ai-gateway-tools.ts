import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where tools and their servers are concerned. */
export const toolFailures = defineFailures("ai_gateway", {
  mcp_server_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_071",
    text: {
      en_US: "There is no tool server '{name}'. GET /api/v1/ai/mcp-servers lists them.",
      zh_CN: "没有名为“{name}”的工具服务器，可用者见 GET /api/v1/ai/mcp-servers。",
    },
  },
  mcp_server_configured: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_072",
    httpStatus: 409,
    text: {
      en_US: "The tool server '{name}' comes from the operator's configuration. Take another name for one of your own.",
      zh_CN: "工具服务器“{name}”来自管理员的配置，自有服务器请使用其他名称。",
    },
  },
  tool_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_073",
    text: {
      en_US: "There is no tool '{tool}' that you may use. tools/list names those that there are.",
      zh_CN: "没有您可以使用的工具“{tool}”，可用者见 tools/list。",
    },
  },
  tool_server_failed: {
    kind: "unavailable",
    publicCode: "GATEWAY_074",
    httpStatus: 502,
    text: {
      en_US: "The tool server '{server}' did not answer as it should: {reason}. Nothing was charged.",
      zh_CN: "工具服务器“{server}”的响应不符合要求：{reason}。未计费。",
    },
  },
  tool_server_timeout: {
    kind: "deadline_exceeded",
    publicCode: "GATEWAY_075",
    text: {
      en_US: "The tool server '{server}' did not answer within {timeoutMs} ms. Nothing was charged.",
      zh_CN: "工具服务器“{server}”在 {timeoutMs} 毫秒内未响应，未计费。",
    },
  },
  tool_server_unauthorized: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_076",
    httpStatus: 502,
    text: {
      en_US: "The tool server '{server}' refuses the credential that is stored for it. Its owner has to replace it.",
      zh_CN: "工具服务器“{server}”拒绝了为其保存的凭据，需由其所有者更换。",
    },
  },
  too_many_mcp_servers: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_077",
    httpStatus: 409,
    text: { en_US: "A tenant may have {limit} tool servers.", zh_CN: "每个租户最多可有 {limit} 个工具服务器。" },
  },
  tool_server_token_refused: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_104",
    httpStatus: 502,
    text: {
      en_US:
        "The authorization server of the tool server '{server}' gave no token: {reason}. Its owner has to look at it. Nothing was charged.",
      zh_CN: "工具服务器“{server}”的授权服务器未签发令牌：{reason}。需由其所有者检查。未计费。",
    },
  },
  token_endpoint_unknown: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_105",
    httpStatus: 400,
    text: {
      en_US: "The tool server does not say where tokens for it are got: {reason}. Say it in oauth.token_url.",
      zh_CN: "该工具服务器未说明从何处获取令牌：{reason}。请在 oauth.token_url 中指定。",
    },
  },
  mcp_resource_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_102",
    text: {
      en_US: "There is no resource '{uri}' that you may read. resources/list names those that there are.",
      zh_CN: "没有您可以读取的资源“{uri}”，可用者见 resources/list。",
    },
  },
  mcp_prompt_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_103",
    text: {
      en_US: "There is no prompt '{prompt}' that you may use. prompts/list names those that there are.",
      zh_CN: "没有您可以使用的提示词“{prompt}”，可用者见 prompts/list。",
    },
  },
  tool_refused: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_078",
    text: {
      en_US: "The tool server '{server}' refused the call with the error {rpcCode}. Nothing was charged.",
      zh_CN: "工具服务器“{server}”以错误 {rpcCode} 拒绝了此调用，未计费。",
    },
  },
  tool_streams_exceeded: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_140",
    text: {
      en_US:
        "{limit} streams of /v1/mcp are open already. Close one, or go without: lists can be asked for at any time.",
      zh_CN: "/v1/mcp 已有 {limit} 个流打开。请关闭一个，或不使用流：列表可随时查询。",
    },
  },
  tool_subscriptions_exceeded: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_141",
    text: {
      en_US: "This session is subscribed to {limit} resources already. Unsubscribe from one.",
      zh_CN: "此会话已订阅 {limit} 个资源，请先取消其中一个。",
    },
  },
  tool_subscription_unavailable: {
    kind: "unimplemented",
    publicCode: "GATEWAY_142",
    text: {
      en_US: "The tool server '{server}' does not tell when its resources change. Read them again instead.",
      zh_CN: "工具服务器“{server}”不会通知资源变更，请改为重新读取。",
    },
  },
});
