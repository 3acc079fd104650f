import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import type { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { rpcCodes } from "../servers/json-rpc.ts";

/** Of the Agent2Agent protocol (1.0, 5.4). */
export const agentCodes = {
  taskNotFound: -32_001,
  taskNotCancelable: -32_002,
  pushNotSupported: -32_003,
  unsupportedOperation: -32_004,
  contentTypeNotSupported: -32_005,
  invalidAnswer: -32_006,
  extendedCardNotConfigured: -32_007,
  extensionRequired: -32_008,
  versionNotSupported: -32_009,
} as const;

/** What an agent may say that a client is to know as it is. */
const passedOn: ReadonlySet<unknown> = new Set([...Object.values(agentCodes), rpcCodes.invalidParams]);
/** Of answers that are none. */
const invalid: ReadonlySet<unknown> = new Set(["malformed", "too_large", "unanswered", "unfinished", "version"]);

/** Of methods that the protocol knows and that are not offered: here, or by an agent without streams. */
const codesByMethod: ReadonlyMap<unknown, number> = new Map([
  ...[
    ...["tasks/pushNotificationConfig/set", "tasks/pushNotificationConfig/get", "tasks/pushNotificationConfig/list"],
    ...["tasks/pushNotificationConfig/delete", "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig"],
    ...["ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig"],
  ].map((method) => [method, agentCodes.pushNotSupported] as const),
  ...[
    ...["SendStreamingMessage", "SubscribeToTask", "message/stream", "tasks/resubscribe"],
    ...["ListTasks", "GetExtendedAgentCard"],
  ].map((method) => [method, agentCodes.unsupportedOperation] as const),
  ["agent/getAuthenticatedExtendedCard", agentCodes.extendedCardNotConfigured],
]);

const codesByParam: ReadonlyMap<unknown, number> = new Map([
  ["A2A-Version", agentCodes.versionNotSupported],
  ["method", rpcCodes.unknownMethod],
  ["body", rpcCodes.invalidRequest],
]);

/** The code of a failure at `/v1/a2a/{agent}`. */
export function agentCodeOf({ type, details }: Failure): number {
  switch (type) {
    case agentFailures.agent_task_not_found:
      return agentCodes.taskNotFound;
    case agentFailures.agent_refused:
      return passedOn.has(details["rpcCode"]) ? Number(details["rpcCode"]) : rpcCodes.refused;
    case agentFailures.agent_failed:
      return invalid.has(details["fault"]) ? agentCodes.invalidAnswer : rpcCodes.refused;
    case aiGatewayFailures.invalid_request:
      return codesByParam.get(details["param"]) ?? rpcCodes.invalidParams;
    case kitFailures.invalid_request:
      return rpcCodes.invalidParams;
    case kitFailures.unimplemented:
      return codesByMethod.get(details["method"]) ?? rpcCodes.unknownMethod;
    case kitFailures.internal:
      return rpcCodes.internal;
    default:
      return rpcCodes.refused;
  }
}
