import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";

const guard = createAddressGuard();

/** For an address that a tenant names. Throws `address_refused` for one that is not public. */
export function requirePublic(url: string): void {
  const reason = guard.refuse(new URL(url));
  if (!reason) return;
  throw new Failure(aiGatewayFailures.address_refused, { reason: reason.en_US, reason_zh_CN: reason.zh_CN });
}
