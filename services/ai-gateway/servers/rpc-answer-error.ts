/** What is wrong with an answer, in words of ours. */
export const answerFaults = {
  unreachable: { en_US: "it cannot be reached, or broke off", zh_CN: "无法连接或连接中断" },
  status: { en_US: "it answered with another status than 200", zh_CN: "返回的状态码不是 200" },
  too_large: { en_US: "its answer is too large", zh_CN: "响应过大" },
  malformed: { en_US: "its answer is no JSON-RPC response", zh_CN: "响应不是有效的 JSON-RPC 响应" },
  unanswered: { en_US: "its answer ended without a result", zh_CN: "响应结束时没有结果" },
  unfinished: { en_US: "its stream ended before its task did", zh_CN: "任务结束之前流已中断" },
  version: { en_US: "it speaks no version of the protocol that Lyss does", zh_CN: "不支持 Lyss 所用的协议版本" },
} as const;
export type AnswerFault = keyof typeof answerFaults;

/** Thrown by what reads the answers of servers that tenants name; holds nothing of what came. */
export class RpcAnswerError extends Error {
  readonly fault: AnswerFault;

  constructor(fault: AnswerFault, options?: { readonly cause?: unknown }) {
    super(answerFaults[fault].en_US, options);
    this.name = "RpcAnswerError";
    this.fault = fault;
  }
}
