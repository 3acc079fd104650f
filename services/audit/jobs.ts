import type { Job } from "@lyss/kit/service/define-service.ts";
import type { AuditOps } from "./ops.ts";

/** The background work of audit. */
export function createAuditJobs(ops: AuditOps): readonly Job[] {
  return [
    { name: "anchor-chains", everyMs: 3_600_000, run: (signal) => ops.anchorChains(signal) },
    { name: "delete-aged-entries", everyMs: 3_600_000, run: (signal) => ops.deleteAgedEntries(signal) },
  ];
}
