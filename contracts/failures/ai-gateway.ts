import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer besides a model's answer. Texts never carry an upstream's own words. */
export const aiGatewayFailures = defineFailures("ai_gateway", {
  model_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_001",
    text: {
      en_US: "The model '{model}' does not exist or this key may not use it. GET /v1/models lists what it may use.",
      zh_CN: "模型“{model}”不存在，或此密钥无权使用。可用模型见 GET /v1/models。",
    },
  },
  invalid_request: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_002",
    text: { en_US: "{param}: {reason}", zh_CN: "{param}：{reason}" },
  },
  invalid_json: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_003",
    text: { en_US: "The request body is not valid JSON: {reason}", zh_CN: "请求体不是合法的 JSON：{reason}" },
  },
  upstream_rejected: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_004",
    text: {
      en_US: "The provider refused the request: {reason}.",
      zh_CN: "模型供应商拒绝了该请求：{reason}。",
    },
  },
  upstream_rate_limited: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_005",
    isRetryable: true,
    text: {
      en_US: "The provider of '{model}' is at its rate limit. Try again later.",
      zh_CN: "“{model}”的供应商已触发限流，请稍后重试。",
    },
  },
  upstream_unauthorized: {
    kind: "unavailable",
    publicCode: "GATEWAY_006",
    httpStatus: 502,
    text: {
      en_US: "The provider of '{model}' refused the platform's credential. The operator has to mend it.",
      zh_CN: "“{model}”的供应商拒绝了平台的凭证，需由管理员处理。",
    },
  },
  upstream_failed: {
    kind: "unavailable",
    publicCode: "GATEWAY_007",
    httpStatus: 502,
    isRetryable: true,
    text: {
      en_US: "The provider of '{model}' failed to answer.",
      zh_CN: "“{model}”的供应商未能正常响应。",
    },
  },
  upstream_timeout: {
    kind: "deadline_exceeded",
    publicCode: "GATEWAY_008",
    isRetryable: true,
    text: {
      en_US: "The provider of '{model}' did not answer within {timeoutMs} ms.",
      zh_CN: "“{model}”的供应商在 {timeoutMs} 毫秒内没有响应。",
    },
  },
  upstream_truncated: {
    kind: "unavailable",
    publicCode: "GATEWAY_009",
    httpStatus: 502,
    isRetryable: true,
    text: {
      en_US: "The provider of '{model}' broke off its answer. What was delivered is billed.",
      zh_CN: "“{model}”的供应商中途断开了响应，已返回的部分照常计费。",
    },
  },
  upstream_overloaded: {
    kind: "unavailable",
    publicCode: "GATEWAY_010",
    isRetryable: true,
    text: {
      en_US: "The provider of '{model}' is overloaded. Try again later.",
      zh_CN: "“{model}”的供应商负载过高，请稍后重试。",
    },
  },
  provider_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_011",
    text: { en_US: "There is no provider '{name}'.", zh_CN: "没有名为“{name}”的供应商。" },
  },
  pass_through_shared: {
    kind: "permission_denied",
    publicCode: "GATEWAY_032",
    text: {
      en_US:
        "'{name}' is not a provider of the tenant's own: what Lyss cannot read and price does not pass through to shared ones.",
      zh_CN: "“{name}”不是租户自有的供应商：Lyss 无法读取和计价的请求不会转发给共享供应商。",
    },
  },
  pass_through_restricted: {
    kind: "permission_denied",
    publicCode: "GATEWAY_033",
    text: {
      en_US:
        "This key may use certain models only; what passes through is not looked at. Use a key without that limit.",
      zh_CN: "此密钥仅可使用指定模型，而直通请求不会被检查。请使用没有此限制的密钥。",
    },
  },
  provider_configured: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_012",
    httpStatus: 409,
    text: {
      en_US: "The provider '{name}' comes from the configuration file or the environment. Change it there.",
      zh_CN: "供应商“{name}”来自配置文件或环境变量，请在那里修改。",
    },
  },
  address_refused: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_013",
    text: {
      en_US: "baseUrl: {reason}. Only an operator's configuration file may name private addresses.",
      zh_CN: "baseUrl：{reason}。只有管理员的配置文件可以使用内网地址。",
    },
  },
  shutting_down: {
    kind: "unavailable",
    publicCode: "GATEWAY_014",
    isRetryable: true,
    text: { en_US: "This node is stopping. Try again.", zh_CN: "此节点正在停止，请重试。" },
  },
  answer_not_kept: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_015",
    httpStatus: 409,
    text: {
      en_US:
        "The call with this idempotency key was served as {callId}, but its answer is too large to be given again. It was charged once.",
      zh_CN: "使用该幂等键的调用已完成（{callId}），但其响应过大，无法再次返回。该调用只计费一次。",
    },
  },
  cannot_record: {
    kind: "unavailable",
    publicCode: "GATEWAY_016",
    isRetryable: true,
    text: {
      en_US: "This node cannot write down what a call costs just now, so it sends none. Try again.",
      zh_CN: "此节点暂时无法记录调用费用，因此不发送任何调用，请稍后重试。",
    },
  },
  response_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_017",
    text: {
      en_US: "There is no response '{id}'. It was not stored, has expired, or belongs to somebody else.",
      zh_CN: "没有响应“{id}”：未保存、已过期，或属于他人。",
    },
  },
  response_not_background: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_018",
    httpStatus: 400,
    text: {
      en_US: "Only a response that was created with 'background' can be cancelled.",
      zh_CN: "只有以“background”创建的响应才能取消。",
    },
  },
  response_lost: {
    kind: "aborted",
    publicCode: "GATEWAY_019",
    isRetryable: true,
    text: {
      en_US: "The node that served this response died. Nothing was charged.",
      zh_CN: "处理此响应的节点已中断，未计费。",
    },
  },
  response_too_large: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_020",
    text: {
      en_US: "The response is too large to be kept, so it cannot be given. It was charged.",
      zh_CN: "响应过大，无法保存，因此无法返回；该调用已计费。",
    },
  },
  route_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_021",
    text: { en_US: "There is no route '{name}'.", zh_CN: "没有名为“{name}”的路由。" },
  },
  route_configured: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_022",
    httpStatus: 409,
    text: {
      en_US:
        "The route '{name}' comes from the operator's configuration. Make one of your own under that name to take its place.",
      zh_CN: "路由“{name}”来自管理员的配置；可创建同名的自有路由来替代它。",
    },
  },
  route_target_unknown: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_023",
    text: {
      en_US: "targets: the provider '{provider}' offers no model '{model}'. GET /api/v1/ai/providers lists both.",
      zh_CN: "targets：供应商“{provider}”不提供模型“{model}”，可用者见 GET /api/v1/ai/providers。",
    },
  },
  route_not_nestable: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_084",
    text: {
      en_US:
        "targets: the route '{route}' cannot stand in this one: it is not there, leads back to this one, or makes more than 4 routes in each other or 256 targets.",
      zh_CN: "targets：路由“{route}”不能放入此路由：它不存在、会绕回此路由，或使嵌套超过 4 层、目标超过 256 个。",
    },
  },
  route_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_024",
    httpStatus: 412,
    text: {
      en_US: "The route has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "路由已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_routes: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_025",
    httpStatus: 409,
    text: { en_US: "A tenant may have {limit} routes.", zh_CN: "每个租户最多可有 {limit} 条路由。" },
  },
  model_limited: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_026",
    isRetryable: true,
    text: {
      en_US:
        "'{model}' is at a limit that the operator has set ({what}), wherever it is offered. Try again in {retryAfterSeconds} s.",
      zh_CN: "“{model}”在所有可用供应商处均已达到管理员设置的限制（{what}），请在 {retryAfterSeconds} 秒后重试。",
    },
  },
  limit_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_027",
    text: { en_US: "There is no limit '{name}'.", zh_CN: "没有名为“{name}”的限制。" },
  },
  limit_configured: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_028",
    httpStatus: 409,
    text: {
      en_US: "The limit '{name}' comes from the operator's configuration file. Change it there.",
      zh_CN: "限制“{name}”来自管理员的配置文件，请在文件中修改。",
    },
  },
  limit_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_029",
    httpStatus: 412,
    text: {
      en_US: "The limit has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "限制已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_limits: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_030",
    httpStatus: 409,
    text: { en_US: "There may be {limit} limits.", zh_CN: "最多可有 {limit} 条限制。" },
  },
  call_defaults_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_091",
    text: {
      en_US:
        "Nothing is said by default for these calls. PUT says it; GET /api/v1/ai/call-defaults lists what is said.",
      zh_CN: "没有为这些调用设置默认值。可用 PUT 设置；已有设置见 GET /api/v1/ai/call-defaults。",
    },
  },
  call_defaults_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_092",
    httpStatus: 412,
    text: {
      en_US: "What is said by default has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "默认值已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_call_defaults: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_093",
    httpStatus: 409,
    text: {
      en_US: "Defaults may be said for {limit} keys. Delete those of keys that are gone.",
      zh_CN: "最多可为 {limit} 个密钥设置默认值，请删除已失效密钥的设置。",
    },
  },
  prompt_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_051",
    text: {
      en_US: "There is no prompt '{name}'. GET /api/v1/ai/prompts lists them.",
      zh_CN: "没有名为“{name}”的提示词，可用者见 GET /api/v1/ai/prompts。",
    },
  },
  prompt_version_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_052",
    text: {
      en_US: "The prompt '{name}' has no version and no label '{version}'.",
      zh_CN: "提示词“{name}”没有版本或标签“{version}”。",
    },
  },
  prompt_variables: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_053",
    text: {
      en_US: "The variables do not fit the prompt '{name}'. Missing: {missing}. Unknown: {unknown}.",
      zh_CN: "变量与提示词“{name}”不符。缺少：{missing}。未知：{unknown}。",
    },
  },
  prompt_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_054",
    httpStatus: 412,
    text: {
      en_US: "The prompt has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "提示词已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_prompts: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_055",
    httpStatus: 409,
    text: { en_US: "A tenant may have {limit} prompts.", zh_CN: "每个租户最多可有 {limit} 个提示词。" },
  },
  too_many_labels: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_056",
    httpStatus: 409,
    text: { en_US: "A prompt may have {limit} labels.", zh_CN: "每个提示词最多可有 {limit} 个标签。" },
  },
  call_unguarded: {
    kind: "permission_denied",
    publicCode: "GATEWAY_059",
    text: {
      en_US: "Guardrails are set for calls of '{model}', and they cannot look into what is asked here. It is refused.",
      zh_CN: "“{model}”的调用设有护栏，而护栏无法检查此类请求的内容，因此已拒绝。",
    },
  },
  guardrail_blocked: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_079",
    text: {
      en_US: "The guardrail '{guardrail}' does not let this {side} through.",
      zh_CN: "护栏“{guardrail}”拦截了此{side}（request 为请求，answer 为回答）。",
    },
  },
  guardrail_failed: {
    kind: "unavailable",
    publicCode: "GATEWAY_080",
    isRetryable: true,
    text: {
      en_US: "The guardrail '{guardrail}' could not look at this call in its time, and does not let it through unseen.",
      zh_CN: "护栏“{guardrail}”未能在限定时间内完成检查，因此未放行此调用。",
    },
  },
  guardrail_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_081",
    text: { en_US: "There is no guardrail '{name}'.", zh_CN: "没有名为“{name}”的护栏。" },
  },
  guardrail_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_082",
    httpStatus: 412,
    text: {
      en_US: "The guardrail has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "护栏已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_guardrails: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_083",
    httpStatus: 409,
    text: { en_US: "There may be {limit} guardrails.", zh_CN: "最多可有 {limit} 个护栏。" },
  },
  image_price_missing: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_085",
    httpStatus: 403,
    text: {
      en_US:
        "The model '{model}' has no price for images of size '{size}' in quality '{quality}', so they cannot be asked for. Ask for another size or quality, or let an operator give one: `imagePrices` of the model.",
      zh_CN:
        "模型“{model}”没有尺寸“{size}”、质量“{quality}”的图片价格，无法生成。请改用其他尺寸或质量，或由运营者在该模型的 imagePrices 中给出价格。",
    },
  },
});
