import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where guardrails ask webhooks and models. */
export const guardrailFailures = defineFailures("ai_gateway", {
  guardrail_of_tenant: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_094",
    text: {
      en_US:
        "A guardrail of kind 'model' asks a model of a tenant's, at the tenant's cost, so the platform has none. Make it for the tenant, or let a webhook judge.",
      zh_CN: "类型为“model”的护栏会调用租户的模型并由租户付费，因此平台级护栏不支持。请为租户创建，或改用 webhook。",
    },
  },
  webhook_address_refused: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_096",
    text: {
      en_US:
        "url: {reason}. A tenant's webhook is https and public; only the operator's guardrails may name other addresses.",
      zh_CN: "url：{reason}。租户的 webhook 必须使用 https 且为公网地址；仅运营者的护栏可使用其他地址。",
    },
  },
  guardrail_secret_needed: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_095",
    text: {
      en_US:
        "The secret of guardrail '{name}' is good for {origin} alone, and its address is another now. Give a secret for the new one, or `null` for none.",
      zh_CN: "护栏“{name}”的密钥仅适用于 {origin}，而其地址已更改。请为新地址提供密钥，或填 `null` 表示不使用。",
    },
  },
});
