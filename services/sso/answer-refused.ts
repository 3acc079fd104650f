import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";

const refusals = {
  signature: ["it is not signed as it must be", "签名不符合要求"],
  expired: ["it has expired", "已过期"],
  issuer: ["it comes from another issuer", "签发方不符"],
  audience: ["it is meant for somebody else", "受众不符"],
  claims: ["it does not belong to this sign-in", "不属于本次登录"],
  keys: ["the provider's keys cannot be read", "无法读取身份提供方的公钥"],
  subject: ["it does not say whom it is about", "未说明用户标识"],
  email: ["it tells no e-mail address in plain ASCII", "未包含纯 ASCII 邮箱地址"],
  code: ["the provider does not accept its code any more", "身份提供方不再接受其授权码"],
  replayed: ["it was used before", "已被使用过"],
  encrypted: [
    "it is encrypted, which is not supported; have it signed and sent over TLS alone",
    "内容已加密，暂不支持；请仅签名并通过 TLS 传输",
  ],
  transient: [
    "it names the person anew each time (transient NameID); a persistent one is needed",
    "用户标识每次都会变化（transient NameID），需要持久标识",
  ],
  document: ["it is not a document of the expected form", "文档格式不符合预期"],
} as const;

export type RefusalReason = keyof typeof refusals;

/** `sso.answer_refused`, and why in both languages. */
export function answerRefused(reason: RefusalReason, cause?: unknown): Failure {
  const [english, chinese] = refusals[reason];
  return new Failure(ssoFailures.answer_refused, { reason: english, reason_zh_CN: chinese }, { cause });
}
