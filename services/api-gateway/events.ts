import { keyRevoked } from "@lyss/contracts/events/auth.ts";
import { onBroadcast, type Subscription } from "@lyss/kit/events/event.ts";
import type { KeyCache } from "./key-cache.ts";

/** A key that is revoked or rotated anywhere is refused here at once. */
export function createApiGatewaySubscriptions(keys: KeyCache): readonly Subscription[] {
  return [
    onBroadcast(
      "forget-key",
      keyRevoked,
      ({ data }) => keys.forget(data.keyId),
      () => keys.forgetAll(),
    ),
  ];
}
