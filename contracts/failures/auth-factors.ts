import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the auth service may answer where second factors are concerned. */
export const factorFailures = defineFailures("auth", {
  factor_not_found: {
    kind: "not_found",
    publicCode: "AUTH_040",
    text: {
      en_US: "There is no such factor, or its enrolment was not confirmed in time. Begin again.",
      zh_CN: "该验证方式不存在，或未在规定时间内完成绑定。请重新开始。",
    },
  },
  code_refused: {
    kind: "invalid_argument",
    publicCode: "AUTH_041",
    text: {
      en_US: "This code is wrong or was used before. Wait for the next one, and check the clock of your device.",
      zh_CN: "验证码不正确或已使用过。请等待下一个验证码，并检查设备时间。",
    },
  },
  codes_locked: {
    kind: "resource_exhausted",
    publicCode: "AUTH_042",
    isRetryable: true,
    text: {
      en_US: "Too many wrong codes. Try again in {retryAfterSeconds} seconds, or use a passkey.",
      zh_CN: "验证码错误次数过多。请在 {retryAfterSeconds} 秒后重试，或使用通行密钥。",
    },
  },
  passkey_refused: {
    kind: "invalid_argument",
    publicCode: "AUTH_043",
    text: {
      en_US:
        "This passkey proves nothing here: it is unknown, or answers another or an old question. Ask for new options and try again.",
      zh_CN: "该通行密钥无效：密钥未知，或应答的不是本次请求。请重新获取选项后再试。",
    },
  },
  passkey_known: {
    kind: "already_exists",
    publicCode: "AUTH_044",
    text: { en_US: "This passkey is registered already.", zh_CN: "该通行密钥已经注册。" },
  },
  too_many_factors: {
    kind: "failed_precondition",
    publicCode: "AUTH_045",
    httpStatus: 409,
    text: {
      en_US: "You may have {max} of this kind. Remove one first.",
      zh_CN: "此类验证方式最多 {max} 个，请先移除一个。",
    },
  },
  challenge_refused: {
    kind: "unauthenticated",
    publicCode: "AUTH_047",
    text: {
      en_US: "This sign-in has expired, was completed, or was tried too often. Sign in again.",
      zh_CN: "本次登录已过期、已完成或尝试次数过多。请重新登录。",
    },
  },
  factor_wanted: {
    kind: "permission_denied",
    publicCode: "AUTH_048",
    text: {
      en_US: "A password is not enough here. Show one of these: {factors}.",
      zh_CN: "此处仅有密码不够，请使用以下方式之一验证：{factors}。",
    },
  },
  factor_missing: {
    kind: "failed_precondition",
    publicCode: "AUTH_046",
    httpStatus: 409,
    text: {
      en_US: "Recovery codes stand in for a factor. Add an authenticator app or a passkey first.",
      zh_CN: "恢复码用于代替验证方式。请先添加验证器应用或通行密钥。",
    },
  },
});
