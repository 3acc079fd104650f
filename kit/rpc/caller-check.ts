import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";

/** Who may call a service: those whose definition says that they need it. */
export type Callers = ReadonlySet<string>;

/**
 * Throws `kit.undeclared_call` when a service calls that does not declare its need. A call that names no service is the
 * program's own, or an operator's by hand. The name is the word of one who holds the peers' token, and no more than that.
 */
export function checkCaller(service: string, caller: string | undefined, callers: Callers): void {
  if (caller === undefined || callers.has(caller)) return;
  throw new Failure(kitFailures.undeclared_call, { caller, service });
}
