import { keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { onBroadcast, type Subscription } from "@lyss/kit/events/event.ts";
import type { KeyCache } from "./key-cache.ts";

/** A key that is revoked, rotated or changed anywhere is asked for anew here at once. */
export function createApiGatewaySubscriptions(keys: KeyCache): readonly Subscription[] {
  const forget = ({ data }: { readonly data: { readonly keyId: string } }) => keys.forget(data.keyId);
  const forgetAll = () => keys.forgetAll();
  return [
    onBroadcast("forget-key", keyRevoked, forget, forgetAll),
    onBroadcast("forget-changed-key", keyUpdated, forget, forgetAll),
  ];
}
