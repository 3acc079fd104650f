import type { Locale } from "@lyss/kit/errors/failure.ts";

type Text = Readonly<Record<Locale, string>>;
const text = (en_US: string, zh_CN: string): Text => ({ en_US, zh_CN });

/** Every permission that counts in a tenant, and what it is for. Those of the installation (`platform:`) are given by no tenant. */
export const tenantPermissions: Readonly<Record<string, Text>> = {
  "agent:call": text("Send messages to agents (A2A), paid by the organisation", "向智能体（A2A）发送消息，由组织付费"),
  "agent:create": text("Add agents (A2A) of the organisation's own", "添加组织自有的智能体（A2A）"),
  "agent:delete": text("Remove the organisation's agents", "删除组织的智能体"),
  "agent:read": text("See the organisation's agents", "查看组织的智能体"),
  "agent:update": text("Change the organisation's agents", "修改组织的智能体"),
  "audit:read": text("Read, verify and export the organisation's audit log", "查看、校验和导出组织的审计日志"),
  "billing:audit": text("See what everybody in the organisation has used", "查看组织内所有人的用量"),
  "billing:budget": text("Set budgets and see everybody's quota", "设置预算并查看所有人的配额"),
  "billing:read": text("See balance, prices, invoices and one's own usage", "查看余额、价格、账单和本人用量"),
  "billing:report": text("Report usage of other services", "上报其他服务的用量"),
  "billing:top_up": text("Top up the wallet and redeem codes", "为钱包充值和使用兑换码"),
  "billing:update": text("Change what stands on invoices", "修改账单上的抬头信息"),
  "client:manage": text("Make, change and remove service clients", "创建、修改和删除服务客户端"),
  "client:read": text("See service clients", "查看服务客户端"),
  "credential:create": text("Store secrets of model providers", "保存模型供应商的密钥"),
  "credential:delete": text("Remove secrets of model providers", "删除模型供应商的密钥"),
  "credential:read": text("See which secrets of model providers there are", "查看已保存的模型供应商密钥"),
  "credential:rotate": text("Replace secrets of model providers", "轮换模型供应商的密钥"),
  "event:read": text("Read the organisation's events", "读取组织的事件"),
  "export:delete": text("Remove exports of records of calls", "删除调用记录的导出"),
  "export:read": text("See where records of calls are sent", "查看调用记录导出到何处"),
  "export:update": text("Send records of calls elsewhere", "设置调用记录的导出"),
  "factor:manage": text("Manage one's own second factors", "管理本人的第二因素"),
  "group:create": text("Make groups", "创建群组"),
  "group:delete": text("Archive groups, by one's role in them", "按群组内角色归档群组"),
  "group:manage": text("Do everything in every group", "管理所有群组"),
  "group:read": text("See groups, by one's role in them", "按群组内角色查看群组"),
  "group:update": text("Change groups and their members, by one's role in them", "按群组内角色修改群组及其成员"),
  "guardrail:delete": text("Remove the organisation's guardrails", "删除组织的护栏"),
  "guardrail:read": text("See and try the organisation's guardrails", "查看和试用组织的护栏"),
  "guardrail:update": text("Make and change the organisation's guardrails", "创建和修改组织的护栏"),
  "key:create": text("Make API keys of one's own", "创建本人的 API 密钥"),
  "key:delete": text("Revoke one's own API keys", "撤销本人的 API 密钥"),
  "key:manage": text("Reach everybody's API keys", "管理所有人的 API 密钥"),
  "key:read": text("See one's own API keys", "查看本人的 API 密钥"),
  "key:rotate": text("Give one's own API keys a new secret", "轮换本人的 API 密钥"),
  "key:update": text("Change one's own API keys", "修改本人的 API 密钥"),
  "mcp_server:create": text("Add tool servers (MCP) of the organisation's own", "添加组织自有的工具服务器（MCP）"),
  "mcp_server:delete": text("Remove the organisation's tool servers", "删除组织的工具服务器"),
  "mcp_server:read": text("See the organisation's tool servers", "查看组织的工具服务器"),
  "model:call": text("Call models, paid by the organisation", "调用模型，由组织付费"),
  "model:list": text("See which models there are", "查看可用模型"),
  "prompt:delete": text("Remove the organisation's prompts", "删除组织的提示词"),
  "prompt:read": text("See the organisation's prompts", "查看组织的提示词"),
  "prompt:update": text("Make and change the organisation's prompts", "创建和修改组织的提示词"),
  "provider:create": text("Add model providers of the organisation's own", "添加组织自有的模型供应商"),
  "provider:delete": text("Remove the organisation's model providers", "删除组织的模型供应商"),
  "provider:proxy": text(
    "Send anything to the organisation's own providers with their keys",
    "以组织自有供应商的密钥向其发送任意请求",
  ),
  "provider:read": text("See the organisation's model providers", "查看组织的模型供应商"),
  "provider:test": text("Try the organisation's model providers", "测试组织的模型供应商"),
  "request_body:delete": text("Remove what was kept of calls", "删除已保存的调用内容"),
  "request_body:read": text(
    "Read what was said in everybody's calls, where it is kept",
    "查看已保存的所有人的调用内容",
  ),
  "request_body:update": text("Say of which calls requests and answers are kept", "设置保存哪些调用的请求和回答"),
  "role:manage": text(
    "Make, change and remove roles that hold no more than oneself",
    "创建、修改和删除不超出本人权限的角色",
  ),
  "session:delete": text("End one's own sessions", "结束本人的会话"),
  "session:manage": text("See and end everybody's sessions", "查看和结束所有人的会话"),
  "session:read": text("See one's own sessions", "查看本人的会话"),
  "sso:manage": text(
    "Set up sign-on and provisioning: decides who signs in as whom, up to admins",
    "配置单点登录和用户同步：可决定他人以何种身份登录，最高至管理员",
  ),
  "tenant:read": text("See the organisation, its domains, roles and data policy", "查看组织及其域名、角色和数据策略"),
  "tenant:update": text("Change the organisation, its domains and data policy", "修改组织及其域名和数据策略"),
  "token:introspect": text("Ask what a token is good for", "查询令牌的有效性"),
  "tool:call": text("Call tools of MCP servers, paid by the organisation", "调用 MCP 服务器的工具，由组织付费"),
  "user:audit": text("Read everybody's own audit log", "查看所有人的个人审计日志"),
  "user:check": text("Ask what others are allowed", "查询他人的权限"),
  "user:export": text("Export people who hold no more than oneself", "导出权限不超出本人的成员数据"),
  "user:invite": text(
    "See and withdraw invitations; with user:update invite",
    "查看和撤回邀请；配合 user:update 可发出邀请",
  ),
  "user:list": text("See who is in the organisation", "查看组织成员"),
  "user:read": text("See people, and one's own account", "查看成员和本人账户"),
  "user:update": text("Change people who hold no more than oneself", "修改权限不超出本人的成员"),
  "webhook:delete": text("Remove the organisation's webhooks", "删除组织的 webhook"),
  "webhook:read": text("See where the organisation's events are sent", "查看组织的事件发送到何处"),
  "webhook:update": text("Send the organisation's events elsewhere", "设置组织事件的发送"),
};

const resources = new Set(Object.keys(tenantPermissions).map((permission) => permission.split(":")[0] ?? ""));

/** Whether a tenant can give it: a permission that there is, or `resource:*` for all of a resource. */
export function isTenantPermission(permission: string): boolean {
  if (Object.hasOwn(tenantPermissions, permission)) return true;
  return permission.endsWith(":*") && resources.has(permission.slice(0, -2));
}
