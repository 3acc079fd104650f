import { defineFailures } from "../errors/failure.ts";

/** Why a saga, or a call about one, does not go on. */
export const workflowFailures = defineFailures("workflow", {
  run_not_found: {
    kind: "not_found",
    publicCode: "WORKFLOW_001",
    text: { en_US: "There is no workflow run '{runId}'.", zh_CN: "工作流运行“{runId}”不存在。" },
  },
  payload_too_large: {
    kind: "out_of_range",
    publicCode: "WORKFLOW_002",
    text: {
      en_US: "{name} is larger than {limitBytes} bytes, or cannot be stored.",
      zh_CN: "{name} 超过 {limitBytes} 字节的上限，或无法保存。",
    },
  },
  step_timed_out: {
    kind: "deadline_exceeded",
    publicCode: "WORKFLOW_003",
    isRetryable: true,
    text: { en_US: "{step} did not end within {timeoutMs} ms.", zh_CN: "{step} 未在 {timeoutMs} 毫秒内完成。" },
  },
  saga_timed_out: {
    kind: "deadline_exceeded",
    publicCode: "WORKFLOW_004",
    text: { en_US: "The time for the whole workflow is over.", zh_CN: "整个工作流已超时。" },
  },
  wait_timed_out: {
    kind: "deadline_exceeded",
    publicCode: "WORKFLOW_005",
    text: { en_US: "{step} was not heard within {timeoutMs} ms.", zh_CN: "{timeoutMs} 毫秒内未收到 {step}。" },
  },
  canceled: {
    kind: "canceled",
    publicCode: "WORKFLOW_006",
    text: { en_US: "The workflow was canceled.", zh_CN: "工作流已取消。" },
  },
  not_parked: {
    kind: "failed_precondition",
    publicCode: "WORKFLOW_007",
    httpStatus: 409,
    text: { en_US: "The workflow run '{runId}' is not parked.", zh_CN: "工作流运行“{runId}”未处于停放状态。" },
  },
  still_running: {
    kind: "deadline_exceeded",
    publicCode: "WORKFLOW_008",
    isRetryable: true,
    text: {
      en_US: "The workflow run '{runId}' has not ended within {timeoutMs} ms.",
      zh_CN: "工作流运行“{runId}”未在 {timeoutMs} 毫秒内结束。",
    },
  },
});
