import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the tenant service may answer besides a result. */
export const tenantFailures = defineFailures("tenant", {
  not_found: {
    kind: "not_found",
    publicCode: "TENANT_001",
    text: { en_US: "There is no such tenant.", zh_CN: "租户不存在。" },
  },
  suspended: {
    kind: "failed_precondition",
    publicCode: "TENANT_002",
    httpStatus: 409,
    text: { en_US: "The tenant is suspended.", zh_CN: "该租户已被停用。" },
  },
});
