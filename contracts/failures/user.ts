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
});
