import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";

/** What only the person does, signed in: not with a key, and not for another. */
export function requireSelf(request: {
  readonly caller: Caller | undefined;
  readonly params: { readonly id: string };
}): Caller {
  const caller = requireCaller(request);
  const { id } = request.params;
  if (caller.keyId !== "") throw new Failure(kitFailures.permission_denied, { permission: "user:self" });
  if (id !== "me" && id !== caller.userId) throw new Failure(userFailures.not_found);
  return caller;
}
