import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the auth service may answer besides a result. */
export const authFailures = defineFailures("auth", {
  key_not_found: {
    kind: "not_found",
    publicCode: "AUTH_001",
    text: { en_US: "There is no such API key.", zh_CN: "API 密钥不存在。" },
  },
  key_inactive: {
    kind: "failed_precondition",
    publicCode: "AUTH_002",
    httpStatus: 409,
    text: {
      en_US: "This API key is revoked or has expired. Create a new one.",
      zh_CN: "该 API 密钥已吊销或已过期，请创建新的密钥。",
    },
  },
  permission_not_held: {
    kind: "permission_denied",
    publicCode: "AUTH_003",
    text: {
      en_US: "You cannot give the permission '{permission}', because you do not hold it.",
      zh_CN: "您没有权限“{permission}”，因此不能授予它。",
    },
  },
  model_not_held: {
    kind: "permission_denied",
    publicCode: "AUTH_004",
    text: {
      en_US: "You cannot give the model '{model}', because you may not use it yourself.",
      zh_CN: "您无权使用模型“{model}”，因此不能授予它。",
    },
  },
  role_unknown: {
    kind: "invalid_argument",
    publicCode: "AUTH_005",
    text: { en_US: "There is no role '{role}'.", zh_CN: "角色“{role}”不存在。" },
  },
  expiry_in_past: {
    kind: "invalid_argument",
    publicCode: "AUTH_006",
    text: { en_US: "The expiry must lie in the future.", zh_CN: "过期时间必须晚于当前时间。" },
  },
});
