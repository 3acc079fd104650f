import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the event service may answer besides a result. */
export const eventServiceFailures = defineFailures("event", {
  not_found: {
    kind: "not_found",
    publicCode: "EVENT_002",
    text: { en_US: "There is no event '{eventId}' in the log.", zh_CN: "日志中没有事件“{eventId}”。" },
  },
  subscription_not_found: {
    kind: "not_found",
    publicCode: "EVENT_003",
    text: {
      en_US: "The service '{service}' has no subscription '{subscription}'.",
      zh_CN: "服务“{service}”没有订阅“{subscription}”。",
    },
  },
  not_replayable: {
    kind: "failed_precondition",
    publicCode: "EVENT_004",
    httpStatus: 409,
    text: {
      en_US: "The subscription '{subscription}' does not allow replays: its effects might happen again.",
      zh_CN: "订阅“{subscription}”不允许重放，否则其副作用可能重复发生。",
    },
  },
  type_not_heard: {
    kind: "invalid_argument",
    publicCode: "EVENT_005",
    text: {
      en_US: "The subscription '{subscription}' does not hear '{type}'. It hears: {types}.",
      zh_CN: "订阅“{subscription}”不接收“{type}”。它接收：{types}。",
    },
  },
  subscription_live: {
    kind: "failed_precondition",
    publicCode: "EVENT_006",
    httpStatus: 409,
    text: {
      en_US:
        "A node still has the subscription '{subscription}'. It can be forgotten {unseenSeconds} s after the last node that has it stopped.",
      zh_CN: "仍有节点持有订阅“{subscription}”。最后一个持有它的节点停止 {unseenSeconds} 秒后才能删除。",
    },
  },
  operation_not_found: {
    kind: "not_found",
    publicCode: "EVENT_007",
    text: { en_US: "There is no operation '{operationId}'.", zh_CN: "操作“{operationId}”不存在。" },
  },
  operation_state: {
    kind: "failed_precondition",
    publicCode: "EVENT_008",
    httpStatus: 409,
    text: {
      en_US: "The operation '{operationId}' is {state}: this is not possible any more, or not yet.",
      zh_CN: "操作“{operationId}”的状态为 {state}，此时无法执行该动作。",
    },
  },
  too_many_operations: {
    kind: "resource_exhausted",
    publicCode: "EVENT_009",
    text: {
      en_US: "The subscription '{subscription}' has {limit} operations that have not ended. Wait, or cancel one.",
      zh_CN: "订阅“{subscription}”已有 {limit} 个未结束的操作，请等待或取消其中一个。",
    },
  },
  webhook_not_found: {
    kind: "not_found",
    publicCode: "EVENT_010",
    text: { en_US: "There is no webhook '{name}'.", zh_CN: "没有名为“{name}”的 webhook。" },
  },
  webhook_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "EVENT_011",
    httpStatus: 412,
    text: {
      en_US: "The webhook has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "webhook 已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  too_many_webhooks: {
    kind: "resource_exhausted",
    publicCode: "EVENT_012",
    httpStatus: 409,
    text: { en_US: "There may be {limit} webhooks.", zh_CN: "最多可有 {limit} 个 webhook。" },
  },
  delivery_not_found: {
    kind: "not_found",
    publicCode: "EVENT_013",
    text: {
      en_US: "The event '{eventId}' was not sent to the webhook '{name}', or longer ago than is kept.",
      zh_CN: "事件“{eventId}”未发送到 webhook“{name}”，或已超出保留期。",
    },
  },
});
