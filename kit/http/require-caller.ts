import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import type { Caller } from "../rpc/call-context.ts";

/** Who calls. Throws `kit.unauthenticated` where nobody does: on a route that is not public somebody always does. */
export function requireCaller({ caller }: { readonly caller: Caller | undefined }): Caller {
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  return caller;
}
