import type { Job } from "@lyss/kit/service/define-service.ts";
import type { AuthOps } from "./ops.ts";

/** The background work of auth. */
export function createAuthJobs(ops: AuthOps): readonly Job[] {
  return [{ name: "flush-last-used", everyMs: 10_000, run: () => ops.flushLastUsed() }];
}
