import { defineTexts } from "../../app/language.ts";

export const useSsoTexts = defineTexts("sso", {
  en: {
    title: "Single sign-on",
    description:
      "Your people sign in where they always do: Entra ID, Okta, Keycloak, Google, or anything else that supports OpenID Connect or SAML.",
    create: "Connect a provider",
    changed: "Changed",
    emptyTitle: "No provider connected",
    empty:
      "Connect your identity provider, and people sign in with the account they already have. Whoever is removed there loses access here.",
    createTitle: "Connect a provider",
    createHint: "Nobody can sign in with it yet: test it first, then turn it on.",
  },
  "zh-CN": {
    title: "单点登录",
    description:
      "成员使用组织已有的账号登录：Entra ID、Okta、Keycloak、Google，以及其他兼容 OpenID Connect 或 SAML 的服务。",
    create: "连接身份提供方",
    changed: "更新时间",
    emptyTitle: "尚未连接身份提供方",
    empty: "连接组织的身份提供方后，成员可使用已有账号登录；在那边离职停用的人，在这里也无法登录。",
    createTitle: "连接身份提供方",
    createHint: "创建后不会立即生效：请先测试，再启用。",
  },
});
