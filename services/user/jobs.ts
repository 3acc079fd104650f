import type { Job } from "@lyss/kit/service/define-service.ts";
import type { UserOps } from "./ops.ts";

/** The background work of user. */
export function createUserJobs(ops: UserOps): readonly Job[] {
  return [
    { name: "sweep-sign-in-failures", everyMs: 60_000, run: () => ops.sweepFailures() },
    { name: "sweep-accounts", everyMs: 600_000, run: () => ops.sweepAccounts() },
    { name: "flush-session-ends", everyMs: 1_000, run: () => ops.flushSessionEnds() },
    { name: "flush-refused-sign-ins", everyMs: 1_000, run: () => ops.flushRefusedSignIns() },
  ];
}
