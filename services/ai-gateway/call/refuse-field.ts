import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";

/** What a request is told whose field `param` is not as it must be: `invalid_request`, in both languages. */
export function refuseField(param: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(aiGatewayFailures.invalid_request, { param, reason, reason_zh_CN });
}
