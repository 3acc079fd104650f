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
    text: {
      en_US: "There is no role '{role}' in this tenant. Choose a built-in role or one that the tenant has made.",
      zh_CN: "该租户没有角色“{role}”，请选择内置角色或租户自定义的角色。",
    },
  },
  expiry_in_past: {
    kind: "invalid_argument",
    publicCode: "AUTH_006",
    text: { en_US: "The expiry must lie in the future.", zh_CN: "过期时间必须晚于当前时间。" },
  },
  session_not_found: {
    kind: "not_found",
    publicCode: "AUTH_009",
    text: {
      en_US: "There is no such session, or it has ended already.",
      zh_CN: "会话不存在，或已经结束。",
    },
  },
  expiry_not_held: {
    kind: "permission_denied",
    publicCode: "AUTH_030",
    text: {
      en_US: "A key made with an API key cannot outlive it: choose an expiry of at most {expiresAt}, or sign in.",
      zh_CN: "用 API 密钥创建的密钥不能比它更晚过期：过期时间最晚为 {expiresAt}，或请登录后操作。",
    },
  },
  key_limited: {
    kind: "permission_denied",
    publicCode: "AUTH_031",
    text: {
      en_US:
        "The API key of this request is limited itself, and cannot create or change keys. Sign in, or use another key.",
      zh_CN: "此请求所用的 API 密钥本身受限，不能创建或修改密钥。请登录，或使用其他密钥。",
    },
  },
  restriction_not_yours: {
    kind: "permission_denied",
    publicCode: "AUTH_032",
    text: {
      en_US: "'{field}' of this key is changed by who created it, or by who holds key:manage.",
      zh_CN: "该密钥的“{field}”只能由其创建者或拥有 key:manage 权限的人修改。",
    },
  },
  address_not_allowed: {
    kind: "permission_denied",
    publicCode: "AUTH_033",
    text: {
      en_US:
        "This API key, or service client, may not be used from {address}. Add the address to its allowed_ips, or use another.",
      zh_CN: "该 API 密钥或服务客户端不能从 {address} 使用。请将该地址加入其 allowed_ips，或使用其他凭据。",
    },
  },
  origin_not_allowed: {
    kind: "permission_denied",
    publicCode: "AUTH_034",
    text: {
      en_US:
        "This API key may be used from certain web origins only. Add the page's origin to the key's allowed_origins.",
      zh_CN: "该 API 密钥只能从特定的网页来源使用。请将网页的来源加入密钥的 allowed_origins。",
    },
  },
  refresh_token_refused: {
    kind: "unauthenticated",
    publicCode: "AUTH_007",
    text: {
      en_US: "This refresh token is unknown, used or expired, or its session has ended. Sign in again.",
      zh_CN: "刷新令牌不存在、已使用或已过期，或其会话已结束。请重新登录。",
    },
  },
  person_not_found: {
    kind: "not_found",
    publicCode: "AUTH_060",
    text: { en_US: "There is no such person.", zh_CN: "用户不存在。" },
  },
  group_not_found: {
    kind: "not_found",
    publicCode: "AUTH_061",
    text: { en_US: "There is no such group.", zh_CN: "群组不存在。" },
  },
  sign_in_method_refused: {
    kind: "permission_denied",
    publicCode: "AUTH_062",
    text: {
      en_US: "Your organisation does not take this way to sign in. Use one of: {methods}.",
      zh_CN: "您所在的组织不允许此登录方式，请使用：{methods}。",
    },
  },
  access_barred: {
    kind: "permission_denied",
    publicCode: "AUTH_008",
    text: {
      en_US: "This account, or its organisation, is suspended. Ask an administrator.",
      zh_CN: "该账号或其所属组织已被停用，请联系管理员。",
    },
  },
  client_not_found: {
    kind: "not_found",
    publicCode: "AUTH_070",
    text: { en_US: "There is no such service client.", zh_CN: "服务客户端不存在。" },
  },
  client_expired: {
    kind: "failed_precondition",
    publicCode: "AUTH_071",
    httpStatus: 409,
    text: {
      en_US: "This service client has expired. Give it a later 'expires_at' first.",
      zh_CN: "该服务客户端已过期，请先将其 expires_at 设为更晚的时间。",
    },
  },
  client_refused: {
    kind: "unauthenticated",
    publicCode: "AUTH_072",
    text: {
      en_US:
        "The client is unknown, disabled or expired, its secret or assertion is wrong or was used, or who gave it its permissions is suspended.",
      zh_CN: "客户端不存在、已停用或已过期，密钥或断言错误或已被使用，或为其授权的人已被停用。",
    },
  },
  scope_not_held: {
    kind: "invalid_argument",
    publicCode: "AUTH_073",
    text: {
      en_US: "The scope '{scope}' is no permission that this client holds.",
      zh_CN: "该客户端不具有 scope“{scope}”所指的权限。",
    },
  },
  client_gives_nothing: {
    kind: "permission_denied",
    publicCode: "AUTH_074",
    text: {
      en_US: "A service client cannot make or change keys and service clients. Sign in as a person.",
      zh_CN: "服务客户端不能创建或修改密钥与服务客户端，请以个人身份登录。",
    },
  },
  client_keys_unavailable: {
    kind: "unavailable",
    publicCode: "AUTH_075",
    isRetryable: true,
    text: {
      en_US: "The client's public keys cannot be read at its 'jwks_uri'.",
      zh_CN: "无法从该客户端的 jwks_uri 读取公钥。",
    },
  },
  client_has_keys: {
    kind: "failed_precondition",
    publicCode: "AUTH_076",
    httpStatus: 409,
    text: {
      en_US: "This service client signs with keys of its own and has no secret. Change 'jwks' or 'jwks_uri' instead.",
      zh_CN: "该服务客户端使用自己的密钥签名，没有可轮换的密文。请改为修改 jwks 或 jwks_uri。",
    },
  },
  impersonation_above: {
    kind: "permission_denied",
    publicCode: "AUTH_080",
    text: {
      en_US: "You cannot act in the name of somebody who may do more than you: '{permission}'.",
      zh_CN: "您不能以权限高于您的人的名义操作：“{permission}”。",
    },
  },
  role_not_found: {
    kind: "not_found",
    publicCode: "AUTH_090",
    text: { en_US: "There is no such role.", zh_CN: "角色不存在。" },
  },
  role_exists: {
    kind: "already_exists",
    publicCode: "AUTH_091",
    text: {
      en_US: "There is a role '{role}' already. Choose another name, or change that role.",
      zh_CN: "角色“{role}”已存在，请使用其他名称或修改该角色。",
    },
  },
  role_built_in: {
    kind: "failed_precondition",
    publicCode: "AUTH_092",
    httpStatus: 409,
    text: {
      en_US: "'{role}' is a built-in role, which nobody changes. Make a role of another name.",
      zh_CN: "“{role}”是内置角色，不能更改，请使用其他名称创建角色。",
    },
  },
  role_in_use: {
    kind: "failed_precondition",
    publicCode: "AUTH_093",
    httpStatus: 409,
    text: {
      en_US: "People who have the role '{role}': {people}. Give them another role first.",
      zh_CN: "仍有 {people} 人拥有角色“{role}”，请先为其指定其他角色。",
    },
  },
  role_given: {
    kind: "failed_precondition",
    publicCode: "AUTH_097",
    httpStatus: 409,
    text: {
      en_US:
        "Settings give the role '{role}': {usedBy} (`tenant` is the organisation's default_role, another id a sign-on connection). Change them first.",
      zh_CN:
        "仍有设置授予角色“{role}”：{usedBy}（tenant 指组织的 default_role，其他为单点登录连接的 ID），请先修改这些设置。",
    },
  },
  too_many_roles: {
    kind: "failed_precondition",
    publicCode: "AUTH_094",
    httpStatus: 409,
    text: {
      en_US: "A tenant has at most {limit} roles of its own. Remove one.",
      zh_CN: "每个租户最多 {limit} 个自定义角色，请先删除一个。",
    },
  },
  role_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "AUTH_095",
    httpStatus: 412,
    text: {
      en_US: "The role has changed: it is at version {current}, not {expected}. Read it again.",
      zh_CN: "角色已发生变化：当前版本为 {current}，而非 {expected}。请重新读取。",
    },
  },
  role_above_own: {
    kind: "permission_denied",
    publicCode: "AUTH_096",
    text: {
      en_US: "The role '{role}' holds '{permission}', which you do not: you can neither change it nor give it.",
      zh_CN: "角色“{role}”拥有您没有的权限“{permission}”，您不能更改或授予该角色。",
    },
  },
  impersonation_of_operator: {
    kind: "permission_denied",
    publicCode: "AUTH_081",
    text: {
      en_US: "Nobody acts in the name of an operator, or of themselves.",
      zh_CN: "不能以运维人员或本人的名义操作。",
    },
  },
});
