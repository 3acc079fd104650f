import type { Words } from "./acts.ts";

/** What an act's details tell of, by their names in the log, those inside of others too; a test has them all. */
export const detailNames: Readonly<Record<string, Words>> = {
  action: ["What was ordered", "指令"],
  adjustmentId: ["Adjustment", "调账编号"],
  allowedIps: ["Allowed addresses", "允许的地址"],
  allowedOrigins: ["Allowed web origins", "允许的网页来源"],
  amountNanos: ["Amount", "金额"],
  backchannelLogoutUri: ["Told of sign-outs at", "登出通知地址"],
  batchId: ["Batch of codes", "兑换码批次"],
  beforeNanos: ["Before", "修改前"],
  breaker: ["Circuit breaker", "断路器"],
  brokenSequence: ["First entry that does not fit", "首条不符的记录"],
  budget: ["Budget", "预算"],
  callId: ["Request", "请求"],
  change: ["Change", "变更"],
  changedFields: ["What was changed", "修改的内容"],
  connectionId: ["Identity provider", "身份提供方"],
  currency: ["Currency", "货币"],
  degradation: ["Reduced service", "降级"],
  detail: ["What was changed", "变更内容"],
  domain: ["Domain", "域名"],
  domains: ["Domains", "域名"],
  effectiveAt: ["In effect from", "生效时间"],
  expiresAt: ["Expires", "到期时间"],
  expiresAtMs: ["Expires", "到期时间"],
  factorId: ["Factor", "验证方式编号"],
  failure: ["Error code", "错误代码"],
  failures: ["Wrong codes", "错误次数"],
  feature: ["Function", "功能"],
  findingCount: ["Findings", "问题数量"],
  grantId: ["Credit", "赠金编号"],
  groupId: ["Group", "群组"],
  isActive: ["Active", "启用"],
  isConfidential: ["Keeps a secret", "持有密钥"],
  isDisabled: ["Disabled", "已停用"],
  isEnabled: ["In use", "已启用"],
  isEnforced: ["Enforced", "强制使用"],
  isNew: ["New account", "新账户"],
  isRotated: ["Secret replaced", "已更换密钥"],
  isWon: ["Decided for us", "裁定有利"],
  keyId: ["API key", "API 密钥"],
  kind: ["Kind", "类型"],
  label: ["Label", "标签"],
  level: ["Level", "级别"],
  limit: ["Limit", "上限"],
  limitNanos: ["Limit", "额度"],
  limits: ["Limits", "限制"],
  limitsBefore: ["Limits before", "修改前的限制"],
  maxConcurrentRequests: ["Requests at once", "并发请求数"],
  method: ["Method", "方法"],
  methods: ["Signed in by", "登录方式"],
  name: ["Name", "名称"],
  orderId: ["Payment", "付款"],
  outcome: ["Outcome", "结果"],
  parentId: ["Now below", "新上级群组"],
  period: ["For each", "周期"],
  permissions: ["Permissions", "权限"],
  plan: ["Plan", "套餐"],
  policy: ["Of", "对象"],
  prefix: ["Begins with", "开头为"],
  previousParentId: ["Before below", "原上级群组"],
  previousRole: ["Role before", "原角色"],
  provider: ["Paid by", "支付渠道"],
  reason: ["Reason", "原因"],
  redact: ["Taken out of texts", "脱敏内容"],
  redemptionId: ["Redemption", "兑换编号"],
  redirectUris: ["Return addresses", "回调地址"],
  remaining: ["Codes left", "剩余恢复码"],
  requestsPerMinute: ["Requests a minute", "每分钟请求数"],
  resourceId: ["Number at the identity provider", "身份提供方中的编号"],
  retentionDays: ["Kept for, in days", "保留天数"],
  reversalId: ["Dispute", "争议编号"],
  role: ["Role", "角色"],
  roles: ["Roles", "角色"],
  scopes: ["What the app learns", "授权范围"],
  server: ["Server", "服务器"],
  sessionId: ["Session", "会话"],
  settings: ["Settings", "设置"],
  defaultRole: ["Role of who joins", "新成员的角色"],
  requireMfa: ["Second factor required", "必须使用二次验证"],
  sessionIdleMinutes: ["Sessions end after idle minutes", "空闲多少分钟后会话结束"],
  sessionLifetimeHours: ["Sessions end after hours", "多少小时后会话结束"],
  signInMethods: ["Ways to sign in", "登录方式"],
  silentImpersonation: ["No mail when an operator signs in as somebody", "运维人员代为登录时不发邮件"],
  status: ["Status", "状态"],
  storeBodies: ["Prompts and answers are stored", "保存提示词与回答"],
  taskId: ["Task", "任务"],
  title: ["Title", "标题"],
  tokensPerMinute: ["Tokens a minute", "每分钟 token 数"],
  userId: ["Person", "成员"],
  version: ["Version", "版本"],
  walletId: ["Wallet", "钱包"],
};

/** Names that `changedFields` may hold beside those above, as the API has them. */
export const changedNames: Readonly<Record<string, Words>> = {
  description: ["Description", "描述"],
  models: ["Models", "模型"],
  disabled: ["Disabled", "停用"],
  jwks: ["Public keys", "公钥"],
  jwks_uri: ["Address of the public keys", "公钥地址"],
  granted_by: ["Who answers for it", "授权人"],
  secret: ["Secret", "密钥"],
};

/** What values mean that are names of something, whichever detail has them. */
export const detailValues: Readonly<Record<string, Words>> = {
  FACTOR_KIND_TOTP: ["App for codes", "验证码应用"],
  FACTOR_KIND_PASSKEY: ["Passkey", "通行密钥"],
  KEY_REVOCATION_REASON_REVOKED: ["Revoked by hand", "手动撤销"],
  KEY_REVOCATION_REASON_ROTATED: ["Secret replaced", "更换密钥"],
  KEY_REVOCATION_REASON_LEAKED: ["Found in public", "密钥泄露"],
  SESSION_END_REASON_SIGNED_OUT: ["Signed out", "退出登录"],
  SESSION_END_REASON_REVOKED: ["Ended from elsewhere", "被终止"],
  SESSION_END_REASON_REUSE: ["A used token was shown again", "重复使用已失效的令牌"],
  SESSION_END_REASON_CREDENTIAL_CHANGED: ["Password or factor changed", "密码或验证方式已更改"],
  SESSION_END_REASON_BARRED: ["Account or organisation disabled", "账户或组织已停用"],
  SESSION_END_REASON_TOO_MANY: ["Too many sessions at once", "同时会话过多"],
  TENANT_STATUS_PROVISIONING: ["Being set up", "创建中"],
  TENANT_STATUS_ACTIVE: ["Active", "正常"],
  TENANT_STATUS_SUSPENDED: ["Suspended", "已暂停"],
  active: ["Active", "启用"],
  inactive: ["Disabled", "停用"],
  suspended: ["Suspended", "已暂停"],
  pwd: ["Password", "密码"],
  otp: ["Code", "验证码"],
  hwk: ["Passkey", "通行密钥"],
  swk: ["Passkey", "通行密钥"],
  user: ["Person present", "本人在场"],
  mfa: ["Two factors", "两重验证"],
  fed: ["Identity provider", "身份提供方"],
  password: ["Password", "密码"],
  passkey: ["Passkey", "通行密钥"],
  sso: ["Single sign-on", "单点登录"],
  oidc: ["OpenID Connect", "OpenID Connect 协议"],
  saml: ["SAML", "SAML 协议"],
  put: ["Set", "设置"],
  removed: ["Removed", "移除"],
  paused: ["Paused", "暂停"],
  resumed: ["Resumed", "恢复"],
  rotated: ["Secret replaced", "更换密钥"],
  purged: ["Emptied", "清空"],
  completed: ["Completed", "完成"],
  failed: ["Failed", "失败"],
  canceled: ["Cancelled", "已取消"],
  force_open: ["Kept open: no calls", "强制断开：不再调用"],
  force_closed: ["Kept closed: calls go through", "强制闭合：照常调用"],
  reset: ["Back to measuring", "恢复自动判断"],
  minute: ["Minute", "分钟"],
  hour: ["Hour", "小时"],
  day: ["Day", "天"],
  month: ["Month", "月"],
  total: ["All time", "累计"],
  email: ["E-mail addresses", "邮箱地址"],
  phone: ["Phone numbers", "电话号码"],
  card: ["Card numbers", "银行卡号"],
  entry_altered: ["An entry was altered", "记录被修改"],
  entry_missing: ["An entry is missing", "记录缺失"],
  seal_wrong: ["A seal is wrong", "封印不符"],
  address_altered: ["An address was altered", "地址被修改"],
  end_wrong: ["The end is not where it was", "日志末尾不符"],
  anchor_wrong: ["It does not fit what was noted elsewhere", "与外部记录不符"],
};

const snake = /_([a-z])/g;

/** The words of a detail's name or of one that `changedFields` holds. */
export function nameWordsOf(name: string): Words | undefined {
  const camel = name.replace(snake, (_all, letter: string) => letter.toUpperCase());
  for (const [table, key] of [
    [changedNames, name],
    [detailNames, camel],
  ] as const) {
    if (Object.hasOwn(table, key)) return table[key];
  }
  return undefined;
}

export interface Change {
  readonly field: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly reason: string | undefined;
}

/** What a person's log says of a change: `role: member → admin (why)`, or the field alone; undefined for a text of somebody's own. */
export function readChange(detail: string): Change | undefined {
  const [, field = "", before, after, reason] =
    /^(name|role|status)(?:: (\S+) → (\S+))?(?: \((.*)\))?$/s.exec(detail) ?? [];
  return field === "" ? undefined : { field, before, after, reason };
}
