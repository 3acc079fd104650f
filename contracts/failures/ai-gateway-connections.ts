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
});
