import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { UpstreamError } from "@lyss/kit/http/upstream/upstream-error.ts";
import type { McpServer } from "./mcp-server.ts";

/** What is wrong with an answer, in words of ours. */
const reasons = {
  unreachable: { en_US: "it cannot be reached, or broke off", zh_CN: "无法连接或连接中断" },
  status: { en_US: "it answered with another status than 200", zh_CN: "返回的状态码不是 200" },
  too_large: { en_US: "its answer is too large", zh_CN: "响应过大" },
  malformed: { en_US: "its answer is no JSON-RPC response", zh_CN: "响应不是有效的 JSON-RPC 响应" },
  unanswered: { en_US: "its answer ended without a result", zh_CN: "响应结束时没有结果" },
  version: { en_US: "it speaks no version of the protocol that Lyss does", zh_CN: "不支持 Lyss 所用的协议版本" },
} as const;
export type ToolServerFault = keyof typeof reasons;

/** Thrown by what reads the answers of tool servers; holds nothing of what came. */
export class ToolServerError extends Error {
  readonly fault: ToolServerFault;

  constructor(fault: ToolServerFault, options?: { readonly cause?: unknown }) {
    super(reasons[fault].en_US, options);
    this.name = "ToolServerError";
    this.fault = fault;
  }
}

/** What an error of a call means to its caller. `reason` is what ended the call, undefined where nobody did. */
export function toToolFailure(
  { name, timeoutMs }: Pick<McpServer, "name" | "timeoutMs">,
  err: unknown,
  reason: unknown,
): unknown {
  const told = reason ?? err;
  if (isFailure(told, kitFailures.deadline_exceeded)) {
    return new Failure(toolFailures.tool_server_timeout, { server: name, timeoutMs });
  }
  if (isFailure(told)) return told;
  if (reason !== undefined) return reason;
  const limitMs = err instanceof UpstreamError ? err.timeoutMs : undefined;
  if (limitMs !== undefined) {
    return new Failure(toolFailures.tool_server_timeout, { server: name, timeoutMs: limitMs }, { cause: err });
  }
  if (!(err instanceof UpstreamError || err instanceof ToolServerError)) return err;
  const { en_US, zh_CN } = reasons[err instanceof ToolServerError ? err.fault : "unreachable"];
  return new Failure(
    toolFailures.tool_server_failed,
    { server: name, reason: en_US, reason_zh_CN: zh_CN },
    { cause: err },
  );
}
