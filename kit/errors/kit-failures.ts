import { defineFailures } from "./failure.ts";

/** Failures that any service and any transport may answer with. */
export const kitFailures = defineFailures("kit", {
  internal: {
    kind: "internal",
    publicCode: "KIT_001",
    text: { en_US: "Internal error. Quote the trace id to support.", zh_CN: "内部错误。请向支持人员提供追踪编号。" },
  },
  invalid_request: {
    kind: "invalid_argument",
    publicCode: "KIT_002",
    text: { en_US: "{field}: {reason}", zh_CN: "{field}：{reason}" },
  },
  not_found: {
    kind: "not_found",
    publicCode: "KIT_003",
    text: { en_US: "There is nothing at {method} {path}.", zh_CN: "{method} {path} 不存在。" },
  },
  unauthenticated: {
    kind: "unauthenticated",
    publicCode: "KIT_004",
    text: {
      en_US: "Sign in, or send an API key as 'Authorization: Bearer …'.",
      zh_CN: "请登录，或在请求头中携带 API 密钥：Authorization: Bearer …",
    },
  },
  permission_denied: {
    kind: "permission_denied",
    publicCode: "KIT_005",
    text: { en_US: "This needs the permission '{permission}'.", zh_CN: "此操作需要权限“{permission}”。" },
  },
  body_too_large: {
    kind: "out_of_range",
    publicCode: "KIT_006",
    httpStatus: 413,
    text: {
      en_US: "The request body is larger than {limitBytes} bytes.",
      zh_CN: "请求体超过 {limitBytes} 字节的上限。",
    },
  },
  unavailable: {
    kind: "unavailable",
    publicCode: "KIT_007",
    isRetryable: true,
    text: { en_US: "{service} cannot be reached just now. Try again.", zh_CN: "暂时无法连接 {service}，请稍后重试。" },
  },
  deadline_exceeded: {
    kind: "deadline_exceeded",
    publicCode: "KIT_008",
    isRetryable: true,
    text: { en_US: "No answer within {timeoutMs} ms.", zh_CN: "{timeoutMs} 毫秒内未收到响应。" },
  },
  canceled: {
    kind: "canceled",
    publicCode: "KIT_009",
    text: { en_US: "The caller went away before the answer.", zh_CN: "调用方在收到响应前已断开连接。" },
  },
  unimplemented: {
    kind: "unimplemented",
    publicCode: "KIT_010",
    text: { en_US: "This server does not offer {method}.", zh_CN: "此服务器不提供 {method}。" },
  },
  unsupported_media_type: {
    kind: "invalid_argument",
    publicCode: "KIT_011",
    httpStatus: 415,
    text: { en_US: "Send the body as {expected}.", zh_CN: "请求体须为 {expected}。" },
  },
  method_not_allowed: {
    kind: "unimplemented",
    publicCode: "KIT_012",
    httpStatus: 405,
    text: {
      en_US: "{path} does not accept {method}; use {allowed}.",
      zh_CN: "{path} 不支持 {method}，请使用 {allowed}。",
    },
  },
  cannot_listen: {
    kind: "failed_precondition",
    publicCode: "KIT_013",
    text: { en_US: "Cannot listen on {address}: {reason}", zh_CN: "无法监听 {address}：{reason}" },
  },
  undeclared_call: {
    kind: "permission_denied",
    publicCode: "KIT_014",
    text: {
      en_US: "{caller} calls {service} without declaring that it needs it.",
      zh_CN: "{caller} 调用了 {service}，但未声明需要它。",
    },
  },
  idempotency_conflict: {
    kind: "already_exists",
    publicCode: "KIT_015",
    httpStatus: 422,
    text: {
      en_US: "This idempotency key was used for another request. Send a new key with each new request.",
      zh_CN: "该幂等键已用于另一个请求。每个新请求请使用新的幂等键。",
    },
  },
  idempotency_in_flight: {
    kind: "aborted",
    publicCode: "KIT_016",
    isRetryable: true,
    text: {
      en_US: "A request with this idempotency key is still under way. Try again in a moment.",
      zh_CN: "使用该幂等键的请求仍在处理中，请稍后重试。",
    },
  },
  step_up_required: {
    kind: "permission_denied",
    publicCode: "KIT_017",
    text: {
      en_US:
        "Prove again that it is you: with a second factor, or with your password if you have none. What you do is let through for {maxAgeSeconds} seconds then.",
      zh_CN: "请再次验证您的身份：使用第二验证方式；若未设置，请输入密码。验证后 {maxAgeSeconds} 秒内可执行此操作。",
    },
  },
  person_required: {
    kind: "permission_denied",
    publicCode: "KIT_018",
    text: {
      en_US: "A program cannot do this by its key or token. Sign in as a person.",
      zh_CN: "程序不能凭密钥或令牌执行此操作，请以个人身份登录。",
    },
  },
  impersonation_refused: {
    kind: "permission_denied",
    publicCode: "KIT_020",
    text: {
      en_US: "An operator cannot do this in somebody's name: the person has to.",
      zh_CN: "运维人员不能以他人名义执行此操作，须由本人进行。",
    },
  },
  search_too_broad: {
    kind: "invalid_argument",
    publicCode: "KIT_019",
    text: {
      en_US: "This search takes longer than {limitMs} ms. Search for longer words, or narrow it by the other filters.",
      zh_CN: "此搜索耗时超过 {limitMs} 毫秒。请使用更长的关键词，或通过其他条件缩小范围。",
    },
  },
});
