import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import type { FailureType } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type RpcCodeOf, rpcCodes } from "../servers/json-rpc.ts";

/** Of the Model Context Protocol. */
export const resourceNotFoundCode = -32_002;

const codesByType: ReadonlyMap<FailureType, number> = new Map([
  [toolFailures.tool_not_found, rpcCodes.invalidParams],
  [toolFailures.mcp_prompt_not_found, rpcCodes.invalidParams],
  [toolFailures.mcp_resource_not_found, resourceNotFoundCode],
  [toolFailures.tool_refused, rpcCodes.invalidParams],
  [aiGatewayFailures.invalid_request, rpcCodes.invalidParams],
  [kitFailures.invalid_request, rpcCodes.invalidParams],
  [toolFailures.tool_subscription_unavailable, rpcCodes.unknownMethod],
  [kitFailures.unimplemented, rpcCodes.unknownMethod],
  [kitFailures.internal, rpcCodes.internal],
]);

/** The code of a failure at `/v1/mcp`. */
export const toolCodeOf: RpcCodeOf = ({ type }) => codesByType.get(type) ?? rpcCodes.refused;
