import type { IncomingMessage } from "node:http";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { priorityHeader } from "@lyss/kit/http/intake.ts";
import type { RoutePriority } from "@lyss/kit/http/route.ts";
import { type Priority, priorities } from "@lyss/kit/resilience/load-shed.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";

/**
 * How urgent a request is: what its route is for, or what its sender says in `x-lyss-priority`. Anyone may say less than
 * the route; who says more needs the permission `priority:<that>`, and is taken for the route's own otherwise. Undefined
 * for a word that is no priority.
 */
export function priorityOf(
  req: Pick<IncomingMessage, "headers">,
  caller: Caller | undefined,
  ofRoute: RoutePriority = "interactive",
): RoutePriority | undefined {
  const said = req.headers[priorityHeader];
  if (said === undefined || ofRoute === "essential") return ofRoute;
  const claimed = priorities.find((priority) => priority === said);
  if (!claimed) return undefined;
  const isRaised = rankOf(claimed) < rankOf(ofRoute);
  return isRaised && !permits(caller?.permissions ?? [], `priority:${claimed}`) ? ofRoute : claimed;
}

/** What a request with such a word is answered. */
export function invalidPriority(): Failure {
  const words = priorities.join(", ");
  const details = {
    field: priorityHeader,
    reason: `must be one of ${words}`,
    reason_zh_CN: `必须是以下之一：${words}`,
  };
  return new Failure(kitFailures.invalid_request, details);
}

function rankOf(priority: Priority): number {
  return priorities.indexOf(priority);
}
