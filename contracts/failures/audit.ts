import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the audit service may answer besides a result. */
export const auditFailures = defineFailures("audit", {
  not_found: {
    kind: "not_found",
    publicCode: "AUDIT_001",
    text: { en_US: "There is no such entry in the audit log.", zh_CN: "审计日志中没有该条目。" },
  },
});
