import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What a WebSocket of the gateway may be refused or ended with, besides what any call may. */
export const connectionFailures = defineFailures("ai_gateway", {
  web_socket_needed: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_057",
    httpStatus: 426,
    text: {
      en_US: "This address speaks WebSocket. Connect to it with wss://, or ws:// where there is no TLS.",
      zh_CN: "此地址使用 WebSocket 协议，请以 wss://（未启用 TLS 时为 ws://）连接。",
    },
  },
  session_expired: {
    kind: "deadline_exceeded",
    publicCode: "GATEWAY_058",
    httpStatus: 408,
    text: {
      en_US: "A session may last {minutes} minutes. Open another one.",
      zh_CN: "会话最长 {minutes} 分钟，请重新建立会话。",
    },
  },
  connection_expired: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_107",
    text: {
      en_US: "A connection may last {minutes} minutes. Open another one, and go on from the last response there.",
      zh_CN: "连接最长 {minutes} 分钟，请重新建立连接，并从最近的响应继续。",
    },
  },
  connection_crowded: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_108",
    text: {
      en_US:
        "As many responses wait on this connection as may: {limit}, of {maxBytes} bytes together. Wait for one to end.",
      zh_CN: "此连接上等待的响应已达上限：{limit} 个，合计 {maxBytes} 字节。请等待其中一个结束。",
    },
  },
  client_secret_needs_key: {
    kind: "permission_denied",
    publicCode: "GATEWAY_121",
    text: {
      en_US:
        "A client secret stands for an API key: ask for it with one, and not with an access token or a client secret.",
      zh_CN: "客户端密钥代表 API 密钥：请使用 API 密钥申请，而不是访问令牌或另一个客户端密钥。",
    },
  },
  client_secrets_exceeded: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_122",
    text: {
      en_US: "This key has {limit} client secrets that have not expired, which is the most. Let them expire sooner.",
      zh_CN: "此密钥未过期的客户端密钥已达上限 {limit} 个，请缩短其有效期。",
    },
  },
  too_many_sessions: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_123",
    text: {
      en_US: "{of} may have {limit} realtime sessions open at once. Close one, or wait for one to end.",
      zh_CN: "{of}同时最多可打开 {limit} 个实时会话，请关闭一个或等待其结束。",
    },
  },
  sessions_full: {
    kind: "unavailable",
    publicCode: "GATEWAY_124",
    text: {
      en_US: "As many realtime sessions are open here as may be. Try again soon.",
      zh_CN: "此处打开的实时会话已达上限，请稍后重试。",
    },
  },
  session_idle: {
    kind: "deadline_exceeded",
    publicCode: "GATEWAY_125",
    httpStatus: 408,
    text: {
      en_US: "Nothing was said in this session for {minutes} minutes. Open another one.",
      zh_CN: "此会话已 {minutes} 分钟没有任何消息，请重新建立会话。",
    },
  },
});
