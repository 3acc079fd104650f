import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What sign-on from elsewhere may answer besides a result. */
export const ssoFailures = defineFailures("sso", {
  connection_not_found: {
    kind: "not_found",
    publicCode: "SSO_001",
    text: { en_US: "There is no such sign-on connection.", zh_CN: "单点登录连接不存在。" },
  },
  name_taken: {
    kind: "already_exists",
    publicCode: "SSO_002",
    text: {
      en_US: "Another connection has this name. Choose another.",
      zh_CN: "该名称已被另一个连接使用，请更换。",
    },
  },
  domain_taken: {
    kind: "already_exists",
    publicCode: "SSO_003",
    text: {
      en_US: "Another connection of yours has the domain {domain}. Remove it there first.",
      zh_CN: "域名 {domain} 已属于您的另一个连接，请先从那里移除。",
    },
  },
  too_many_connections: {
    kind: "resource_exhausted",
    publicCode: "SSO_004",
    text: {
      en_US: "A tenant has at most {limit} connections. Delete one first.",
      zh_CN: "每个租户最多 {limit} 个连接，请先删除一个。",
    },
  },
  version_mismatch: {
    kind: "failed_precondition",
    publicCode: "SSO_005",
    httpStatus: 412,
    text: {
      en_US: "The connection is at version {current}, not {expected}. Read it again.",
      zh_CN: "该连接当前版本为 {current}，而不是 {expected}，请重新读取。",
    },
  },
  address_refused: {
    kind: "invalid_argument",
    publicCode: "SSO_006",
    text: { en_US: "{field}: {reason}", zh_CN: "{field}：{reason}" },
  },
  provider_unavailable: {
    kind: "unavailable",
    publicCode: "SSO_007",
    isRetryable: true,
    text: {
      en_US:
        "The identity provider of {connection} does not answer as it should: {reason}. Try again, or tell your administrator.",
      zh_CN: "{connection} 的身份提供方未能正常响应：{reason}。请重试，或联系管理员。",
    },
  },
  sign_in_unknown: {
    kind: "invalid_argument",
    publicCode: "SSO_008",
    text: {
      en_US: "This sign-in was not begun in this browser, has been used, or took too long. Start again.",
      zh_CN: "此登录并非由本浏览器发起、已被使用或已超时，请重新开始。",
    },
  },
  provider_refused: {
    kind: "permission_denied",
    publicCode: "SSO_009",
    text: {
      en_US: "The identity provider refused the sign-in: {reason}.",
      zh_CN: "身份提供方拒绝了登录：{reason}。",
    },
  },
  answer_refused: {
    kind: "permission_denied",
    publicCode: "SSO_010",
    text: {
      en_US: "The identity provider's answer was not accepted: {reason}. Start again, or tell your administrator.",
      zh_CN: "身份提供方的响应未被接受：{reason}。请重新开始，或联系管理员。",
    },
  },
  person_refused: {
    kind: "permission_denied",
    publicCode: "SSO_011",
    text: {
      en_US: "There is no account here for this sign-on. Ask your administrator for one.",
      zh_CN: "此登录在本平台没有可用的账户，请联系管理员。",
    },
  },
  code_invalid: {
    kind: "invalid_argument",
    publicCode: "SSO_012",
    text: {
      en_US: "The code is wrong, used, or older than {maxAgeSeconds} seconds. Sign in again.",
      zh_CN: "登录码不正确、已使用或已超过 {maxAgeSeconds} 秒，请重新登录。",
    },
  },
  return_refused: {
    kind: "invalid_argument",
    publicCode: "SSO_013",
    text: {
      en_US: "return_to: must be a path of this site such as /console, or http://127.0.0.1 with a port",
      zh_CN: "return_to：必须是本站路径（如 /console），或带端口的 http://127.0.0.1",
    },
  },
  logout_refused: {
    kind: "invalid_argument",
    publicCode: "SSO_014",
    text: { en_US: "The logout token was not accepted: {reason}.", zh_CN: "登出令牌未被接受：{reason}。" },
  },
  group_unknown: {
    kind: "invalid_argument",
    publicCode: "SSO_015",
    text: {
      en_US: "group_mapping: there is no group {groupId} in your tenant",
      zh_CN: "group_mapping：您的租户中没有群组 {groupId}",
    },
  },
  group_above_own: {
    kind: "permission_denied",
    publicCode: "SSO_016",
    text: {
      en_US:
        "The group {groupId} gives people what you do not hold: {permission}. Whoever sets what a connection gives holds it, and group:manage.",
      zh_CN:
        "群组 {groupId} 会授予您自己没有的权限 {permission}。设置连接授予的内容，须自己拥有该权限以及 group:manage。",
    },
  },
  field_refused: {
    kind: "invalid_argument",
    publicCode: "SSO_017",
    text: { en_US: "{field}: {reason}", zh_CN: "{field}：{reason}" },
  },
  client_not_found: {
    kind: "not_found",
    publicCode: "SSO_030",
    text: { en_US: "There is no such client.", zh_CN: "客户端不存在。" },
  },
  client_name_taken: {
    kind: "already_exists",
    publicCode: "SSO_031",
    text: { en_US: "Another client has this name. Choose another.", zh_CN: "该名称已被另一个客户端使用，请更换。" },
  },
  too_many_clients: {
    kind: "resource_exhausted",
    publicCode: "SSO_032",
    text: {
      en_US: "A tenant has at most {limit} clients. Delete one first.",
      zh_CN: "每个租户最多 {limit} 个客户端，请先删除一个。",
    },
  },
  client_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "SSO_033",
    httpStatus: 412,
    text: {
      en_US: "The client is at version {current}, not {expected}. Read it again.",
      zh_CN: "该客户端当前版本为 {current}，而不是 {expected}，请重新读取。",
    },
  },
  client_has_no_secret: {
    kind: "failed_precondition",
    publicCode: "SSO_034",
    text: {
      en_US: "A public client has no secret. Create a confidential one instead.",
      zh_CN: "公开客户端没有密钥，请改为创建机密客户端。",
    },
  },
  no_provider: {
    kind: "not_found",
    publicCode: "SSO_035",
    text: {
      en_US: "No program signs people in with this installation yet. Create a client first.",
      zh_CN: "尚无程序使用本平台登录，请先创建客户端。",
    },
  },
  scim_not_found: {
    kind: "not_found",
    publicCode: "SSO_060",
    text: { en_US: "There is no resource {id}.", zh_CN: "资源 {id} 不存在。" },
  },
  scim_token_refused: {
    kind: "unauthenticated",
    publicCode: "SSO_061",
    text: {
      en_US: "Send a SCIM token of an enabled connection as 'Authorization: Bearer …'.",
      zh_CN: "请在请求头中携带已启用连接的 SCIM 令牌：Authorization: Bearer …",
    },
  },
  scim_taken: {
    kind: "already_exists",
    publicCode: "SSO_062",
    text: {
      en_US: "{field}: is taken. Whoever has it was not made by this connection, or is there already.",
      zh_CN: "{field}：已被占用。其所有者并非由此连接创建，或者已经存在。",
    },
  },
  scim_filter_invalid: {
    kind: "invalid_argument",
    publicCode: "SSO_063",
    text: {
      en_US: "filter: {reason}. Supported are eq, ne, co, sw, ew, pr, and, or, not, and parentheses.",
      zh_CN: "filter：{reason}。支持 eq、ne、co、sw、ew、pr、and、or、not 和括号。",
    },
  },
  scim_path_invalid: {
    kind: "invalid_argument",
    publicCode: "SSO_064",
    text: { en_US: "path: {path} {reason}.", zh_CN: "path（路径）{path} {reason}。" },
  },
  scim_no_target: {
    kind: "invalid_argument",
    publicCode: "SSO_065",
    text: { en_US: "path: nothing is at {path}.", zh_CN: "path：{path} 处没有任何内容。" },
  },
  scim_immutable: {
    kind: "invalid_argument",
    publicCode: "SSO_066",
    text: {
      en_US: "{field}: does not change. {hint}.",
      zh_CN: "{field}：不可更改。{hint}。",
    },
  },
  scim_last_owner: {
    kind: "failed_precondition",
    publicCode: "SSO_067",
    httpStatus: 409,
    text: {
      en_US: "This person is the tenant's last active owner and stays. Make somebody else an owner first.",
      zh_CN: "此人是租户最后一名有效的所有者，无法移除。请先指定其他所有者。",
    },
  },
  scim_too_many: {
    kind: "resource_exhausted",
    publicCode: "SSO_068",
    text: { en_US: "{field}: at most {limit}. Remove some first.", zh_CN: "{field}：最多 {limit}，请先移除一些。" },
  },
  scim_version_mismatch: {
    kind: "failed_precondition",
    publicCode: "SSO_069",
    httpStatus: 412,
    text: {
      en_US: "The resource is at version {current}, not {expected}. Read it again.",
      zh_CN: "该资源当前版本为 {current}，而不是 {expected}，请重新读取。",
    },
  },
  scim_member_unknown: {
    kind: "invalid_argument",
    publicCode: "SSO_070",
    text: {
      en_US: "members: {id} is no person of this connection. Create the person first; groups are no members.",
      zh_CN: "members：{id} 不是此连接的人员。请先创建该人员；群组不能作为成员。",
    },
  },
  scim_token_not_found: {
    kind: "not_found",
    publicCode: "SSO_071",
    text: { en_US: "There is no such SCIM token.", zh_CN: "SCIM 令牌不存在。" },
  },
});
