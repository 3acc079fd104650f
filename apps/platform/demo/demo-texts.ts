import type { Locale } from "@lyss/kit/errors/failure.ts";

interface DemoTexts {
  readonly description: string;
  readonly tenantOption: string;
  readonly daysOption: string;
  readonly callsOption: string;
  readonly seedOption: string;
  readonly closeOption: string;
  readonly tenantName: string;
  notOurs(slug: string): string;
  notANumber(option: string, min: number, max: number): string;
  badSlug(slug: string): string;
  progress(booked: number, all: number): string;
  filled(attempts: number, cost: string): string;
  there(slug: string): string;
  closedBefore(slug: string): string;
  closed(slug: string): string;
  readonly shownOnce: string;
}

/** What `lyss demo` says to people. */
export const demoTexts: Readonly<Record<Locale, DemoTexts>> = {
  en_US: {
    description:
      "fill a tenant made for it with people, groups, keys, budgets and a month of calls, so that every page has something to show; needs no running platform",
    tenantOption: "slug of the tenant; it is made, and must not be anybody else's",
    daysOption: "how far back the calls go, 1 to 39",
    callsOption: "how many calls, 1 to 200000",
    seedOption: "the same seed makes the same traffic",
    closeOption: "suspend the tenant and revoke its keys; what is booked stays, for the ledger forgets nothing",
    tenantName: "Demonstration",
    notOurs: (slug) => `Tenant ${slug} was not made by 'lyss demo'. Choose another slug with --tenant.`,
    notANumber: (option, min, max) => `${option} must be a whole number from ${min} to ${max}.`,
    badSlug: (slug) => `${slug} is no slug: 2 to 63 characters of a-z, 0-9 and inner dashes.`,
    progress: (booked, all) => `booked ${booked} of ${all} attempts`,
    filled: (attempts, cost) => `Filled: ${attempts} attempts that cost ${cost} USD of play money.`,
    there: (slug) =>
      `Tenant ${slug} is there already; nothing was changed. Choose another slug with --tenant for a second one.`,
    closedBefore: (slug) => `Tenant ${slug} is there already and was closed. Choose another slug with --tenant.`,
    closed: (slug) => `Tenant ${slug} is suspended and its keys are revoked. What was booked stays.`,
    shownOnce: "Shown only now. Everybody in the tenant has this password.",
  },
  zh_CN: {
    description: "创建一个演示租户，填入成员、群组、密钥、预算和一个月的调用，让每个页面都有内容可看；无需平台正在运行",
    tenantOption: "租户标识；将新建该租户，不能是他人的租户",
    daysOption: "调用追溯的天数，1 至 39",
    callsOption: "调用次数，1 至 200000",
    seedOption: "相同的种子生成相同的流量",
    closeOption: "停用该租户并吊销其密钥；已入账的记录会保留，因为账本不会遗忘",
    tenantName: "演示",
    notOurs: (slug) => `租户 ${slug} 不是由“lyss demo”创建的，请用 --tenant 指定其他标识。`,
    notANumber: (option, min, max) => `${option} 必须是 ${min} 到 ${max} 之间的整数。`,
    badSlug: (slug) => `${slug} 不是有效的标识：须为 2 至 63 个字符，仅含 a-z、0-9 和中间的短横线。`,
    progress: (booked, all) => `已入账 ${booked}/${all} 次尝试`,
    filled: (attempts, cost) => `填充完成：共 ${attempts} 次尝试，花费 ${cost} 美元体验金。`,
    there: (slug) => `租户 ${slug} 已存在，未作任何更改。如需另一个，请用 --tenant 指定其他标识。`,
    closedBefore: (slug) => `租户 ${slug} 已存在且已关闭，请用 --tenant 指定其他标识。`,
    closed: (slug) => `租户 ${slug} 已停用，其密钥已吊销。已入账的记录会保留。`,
    shownOnce: "仅此一次显示。该租户的所有成员都使用此密码。",
  },
};
