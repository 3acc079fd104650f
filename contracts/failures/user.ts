import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the user service may answer besides a result. */
export const userFailures = defineFailures("user", {
  not_found: {
    kind: "not_found",
    publicCode: "USER_001",
    text: { en_US: "There is no such person.", zh_CN: "用户不存在。" },
  },
  email_taken: {
    kind: "already_exists",
    publicCode: "USER_002",
    text: { en_US: "This e-mail address is taken.", zh_CN: "该邮箱地址已被使用。" },
  },
  invalid_credentials: {
    kind: "unauthenticated",
    publicCode: "USER_003",
    text: { en_US: "Wrong e-mail address or password.", zh_CN: "邮箱地址或密码不正确。" },
  },
  too_many_attempts: {
    kind: "resource_exhausted",
    publicCode: "USER_004",
    isRetryable: true,
    text: {
      en_US: "Too many failed sign-ins. Try again in {retryAfterSeconds} seconds.",
      zh_CN: "登录失败次数过多，请在 {retryAfterSeconds} 秒后重试。",
    },
  },
  password_length: {
    kind: "invalid_argument",
    publicCode: "USER_005",
    text: {
      en_US: "A password has {minLength} to {maxLength} characters.",
      zh_CN: "密码长度须为 {minLength} 到 {maxLength} 个字符。",
    },
  },
  password_common: {
    kind: "invalid_argument",
    publicCode: "USER_006",
    text: {
      en_US: "This password is among the most common ones. Choose another.",
      zh_CN: "该密码过于常见，请更换。",
    },
  },
  last_owner: {
    kind: "failed_precondition",
    publicCode: "USER_007",
    httpStatus: 409,
    text: {
      en_US: "A tenant keeps at least one active {role}. Give somebody else this role first.",
      zh_CN: "租户至少须保留一名有效的 {role}，请先将该角色授予其他用户。",
    },
  },
  role_above_own: {
    kind: "permission_denied",
    publicCode: "USER_008",
    text: {
      en_US:
        "Only somebody whose role holds all that the role {role} does may do this, or a key that holds all its permissions.",
      zh_CN: "只有角色权限不低于 {role} 的用户，或拥有该角色全部权限的密钥，才能执行此操作。",
    },
  },
  role_unknown: {
    kind: "invalid_argument",
    publicCode: "USER_080",
    text: {
      en_US:
        "There is no role '{role}' in this tenant. Choose owner, admin, member, viewer or one that the tenant has made.",
      zh_CN: "该租户没有角色“{role}”，请选择 owner、admin、member、viewer 或租户自定义的角色。",
    },
  },
  own_status: {
    kind: "failed_precondition",
    publicCode: "USER_009",
    httpStatus: 409,
    text: {
      en_US: "Nobody changes their own status. Ask another person who holds user:update.",
      zh_CN: "不能更改自己的状态，请由其他拥有 user:update 权限的用户操作。",
    },
  },
  version_mismatch: {
    kind: "failed_precondition",
    publicCode: "USER_010",
    httpStatus: 412,
    text: {
      en_US: "The person has changed: at version {current}, not {expected}. Read it again.",
      zh_CN: "该用户已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  federation_refused: {
    kind: "permission_denied",
    publicCode: "USER_040",
    text: {
      en_US: "No account can be opened or linked for this sign-on. Ask your administrator.",
      zh_CN: "无法为此登录开通或关联账户，请联系管理员。",
    },
  },
  sign_on_required: {
    kind: "permission_denied",
    publicCode: "USER_041",
    text: {
      en_US: "Your organisation signs in through its identity provider. Use single sign-on.",
      zh_CN: "您的组织通过其身份提供方登录，请使用单点登录。",
    },
  },
  token_invalid: {
    kind: "invalid_argument",
    publicCode: "USER_011",
    text: {
      en_US: "This link was used, has expired or is incomplete. Ask for a new one.",
      zh_CN: "该链接已使用、已过期或不完整，请重新申请。",
    },
  },
  too_many_mails: {
    kind: "resource_exhausted",
    publicCode: "USER_012",
    isRetryable: true,
    text: {
      en_US: "Too many mails were asked for. Try again in {retryAfterSeconds} seconds.",
      zh_CN: "请求发送的邮件过多，请在 {retryAfterSeconds} 秒后重试。",
    },
  },
  wrong_password: {
    kind: "permission_denied",
    publicCode: "USER_013",
    text: { en_US: "The password is not right.", zh_CN: "密码不正确。" },
  },
  password_unchanged: {
    kind: "invalid_argument",
    publicCode: "USER_014",
    text: { en_US: "The new password is the old one. Choose another.", zh_CN: "新密码与旧密码相同，请更换。" },
  },
  email_verified: {
    kind: "failed_precondition",
    publicCode: "USER_015",
    httpStatus: 409,
    text: { en_US: "This e-mail address is confirmed already.", zh_CN: "该邮箱地址已确认。" },
  },
  registration_closed: {
    kind: "permission_denied",
    publicCode: "USER_016",
    text: {
      en_US: "Nobody registers here without an invitation. Ask your administrator for one.",
      zh_CN: "此处需凭邀请注册，请联系管理员获取邀请。",
    },
  },
  invitation_not_found: {
    kind: "not_found",
    publicCode: "USER_017",
    text: { en_US: "There is no such open invitation.", zh_CN: "没有此待接受的邀请。" },
  },
  too_many_invitations: {
    kind: "resource_exhausted",
    publicCode: "USER_018",
    text: {
      en_US: "A tenant has at most {limit} open invitations. Revoke some first.",
      zh_CN: "每个租户最多有 {limit} 份待接受的邀请，请先撤销一部分。",
    },
  },
  avatar_not_found: {
    kind: "not_found",
    publicCode: "USER_019",
    text: { en_US: "There is no such picture.", zh_CN: "该头像不存在。" },
  },
  own_factors: {
    kind: "failed_precondition",
    publicCode: "USER_072",
    httpStatus: 409,
    text: {
      en_US:
        "Nobody resets their own factors. Remove one with DELETE /api/v1/auth/factors/{id}, or ask another administrator.",
      zh_CN: "不能重置自己的验证方式。请通过 DELETE /api/v1/auth/factors/{id} 移除，或请其他管理员操作。",
    },
  },
  export_not_found: {
    kind: "not_found",
    publicCode: "USER_070",
    text: {
      en_US: "There is no export of this person, or it has expired. Ask for one with POST.",
      zh_CN: "没有该用户的数据导出，或导出已过期。请用 POST 重新申请。",
    },
  },
  export_not_ready: {
    kind: "failed_precondition",
    publicCode: "USER_071",
    httpStatus: 409,
    isRetryable: true,
    text: {
      en_US: "The export is not ready: these services have not answered yet: {services}. Ask again later.",
      zh_CN: "数据导出尚未完成，以下服务尚未响应：{services}。请稍后重试。",
    },
  },
  factor_required: {
    kind: "permission_denied",
    publicCode: "USER_060",
    text: {
      en_US:
        "The password is right. Show a second factor ({factors}) within {expiresInSeconds} seconds, with the challenge token, at POST /api/v1/auth/mfa/challenge/verify.",
      zh_CN:
        "密码正确。请在 {expiresInSeconds} 秒内携带质询令牌，通过 POST /api/v1/auth/mfa/challenge/verify 提交第二验证方式（{factors}）。",
    },
  },
  password_breached: {
    kind: "invalid_argument",
    publicCode: "USER_061",
    text: {
      en_US: "This password is known from a breach of another site. Choose another.",
      zh_CN: "该密码已在其他网站的数据泄露中出现，请更换。",
    },
  },
});
