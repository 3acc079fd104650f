import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the credential service may answer besides a result. */
export const credentialFailures = defineFailures("credential", {
  not_found: {
    kind: "not_found",
    publicCode: "CREDENTIAL_001",
    text: { en_US: "There is no such credential.", zh_CN: "凭证不存在。" },
  },
  revoked: {
    kind: "failed_precondition",
    publicCode: "CREDENTIAL_002",
    httpStatus: 409,
    text: { en_US: "This credential is revoked.", zh_CN: "该凭证已吊销。" },
  },
  origin_refused: {
    kind: "permission_denied",
    publicCode: "CREDENTIAL_003",
    text: {
      en_US: "This credential may not be sent to {origin}.",
      zh_CN: "该凭证不允许发送到 {origin}。",
    },
  },
  unreadable: {
    kind: "data_loss",
    publicCode: "CREDENTIAL_004",
    text: {
      en_US: "The stored secret cannot be opened: it was altered, or the encryption key is another. Enter it anew.",
      zh_CN: "无法解密已存储的密钥：数据被篡改或加密主密钥已变更，请重新录入。",
    },
  },
});
