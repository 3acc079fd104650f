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
  slug_taken: {
    kind: "already_exists",
    publicCode: "TENANT_003",
    text: {
      en_US: "Another organisation has this short name. Choose another.",
      zh_CN: "该短名称已被其他组织使用，请更换。",
    },
  },
  version_mismatch: {
    kind: "failed_precondition",
    publicCode: "TENANT_004",
    httpStatus: 412,
    text: {
      en_US: "It has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "内容已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  operators_only: {
    kind: "permission_denied",
    publicCode: "TENANT_005",
    text: {
      en_US: "'{field}' is changed by those who operate the installation. Leave it out.",
      zh_CN: "“{field}”只能由平台运营者更改，请去掉该字段。",
    },
  },
  own_tenant: {
    kind: "failed_precondition",
    publicCode: "TENANT_006",
    httpStatus: 409,
    text: {
      en_US: "This is your own tenant: suspending it would shut you out.",
      zh_CN: "这是您自己所在的租户，停用后您将无法登录。",
    },
  },
  domain_not_found: {
    kind: "not_found",
    publicCode: "TENANT_007",
    text: { en_US: "The tenant has no such domain. Add it first.", zh_CN: "该租户没有此域名，请先添加。" },
  },
  domain_unproven: {
    kind: "failed_precondition",
    publicCode: "TENANT_008",
    httpStatus: 409,
    isRetryable: true,
    text: {
      en_US: "There is no TXT record '{value}' at {name} yet. Add it, wait until it is published, and ask again.",
      zh_CN: "{name} 尚无 TXT 记录“{value}”。请添加该记录，待其生效后重试。",
    },
  },
  domain_taken: {
    kind: "already_exists",
    publicCode: "TENANT_009",
    text: {
      en_US: "Another tenant has verified this domain. It has to remove it first.",
      zh_CN: "该域名已由其他租户验证，须先由其移除。",
    },
  },
  too_many_domains: {
    kind: "failed_precondition",
    publicCode: "TENANT_010",
    httpStatus: 409,
    text: {
      en_US: "A tenant has at most {limit} domains. Remove one.",
      zh_CN: "每个租户最多 {limit} 个域名，请先移除一个。",
    },
  },
  not_active: {
    kind: "failed_precondition",
    publicCode: "TENANT_011",
    httpStatus: 409,
    text: {
      en_US: "The tenant is still being set up. Wait until it is active.",
      zh_CN: "该租户仍在初始化，请待其启用后再试。",
    },
  },
  already_set_up: {
    kind: "failed_precondition",
    publicCode: "TENANT_012",
    httpStatus: 409,
    text: { en_US: "This tenant is set up already and cannot be discarded.", zh_CN: "该租户已完成设置，不能丢弃。" },
  },
});
