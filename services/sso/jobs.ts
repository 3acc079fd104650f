import type { Job } from "@lyss/kit/service/define-service.ts";
import type { SsoOps } from "./ops.ts";

/** The background work of sign-on. Any number of nodes may do it at once. */
export function createSsoJobs(
  ops: Pick<SsoOps, "sweep" | "givePending" | "followPeople" | "tellPrograms">,
): readonly Job[] {
  return [
    { name: "give-memberships", everyMs: 1_000, run: () => ops.givePending() },
    { name: "follow-people", everyMs: 1_000, run: () => ops.followPeople() },
    { name: "tell-programs", everyMs: 1_000, run: () => ops.tellPrograms() },
    { name: "sweep-sign-ins", everyMs: 60_000, run: () => ops.sweep() },
  ];
}
