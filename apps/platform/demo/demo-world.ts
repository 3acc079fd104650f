import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";

/** Somebody in the made-up company. */
export interface DemoPerson {
  /** Before the `@` of the e-mail address; names the person here. */
  readonly handle: string;
  readonly name: string;
  readonly role: "owner" | "admin" | "member" | "viewer";
  /** The names of groups. */
  readonly groups: readonly string[];
}

export const demoPeople: readonly DemoPerson[] = [
  { handle: "mia", name: "Mia Chen", role: "owner", groups: ["Research"] },
  { handle: "jonas", name: "Jonas Weber", role: "admin", groups: ["Platform"] },
  { handle: "priya", name: "Priya Nair", role: "member", groups: ["Search"] },
  { handle: "wei", name: "王伟", role: "member", groups: ["Search"] },
  { handle: "sofia", name: "Sofía Álvarez", role: "member", groups: ["Support"] },
  { handle: "liam", name: "Liam O'Brien", role: "member", groups: ["Support", "Platform"] },
  { handle: "yuki", name: "佐藤 由紀", role: "member", groups: ["Research"] },
  { handle: "amara", name: "Amara Okafor", role: "member", groups: ["Platform"] },
  { handle: "tom", name: "Tom Lindqvist", role: "member", groups: ["Research"] },
  { handle: "na", name: "李娜", role: "viewer", groups: ["Support"] },
];

export interface DemoGroup {
  readonly name: string;
  readonly description: string;
  /** The handle of who owns it. */
  readonly owner: string;
}

export const demoGroups: readonly DemoGroup[] = [
  { name: "Search", description: "Answers over the product's documents.", owner: "priya" },
  { name: "Support", description: "Drafts for the help desk.", owner: "sofia" },
  { name: "Platform", description: "Shared services and the nightly jobs.", owner: "jonas" },
  { name: "Research", description: "Evaluations and experiments.", owner: "mia" },
];

/** What a key's calls are like. */
export interface DemoApp {
  /** The key's name. */
  readonly name: string;
  /** The handle of the person it acts for. */
  readonly person: string;
  /** Its part of all calls, beside those of the others. */
  readonly share: number;
  readonly tags: string;
  /** Models with their parts of the key's calls. */
  readonly models: Readonly<Record<string, number>>;
  /** Usual numbers: half of the calls have less. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Parts of its calls. */
  readonly cachedShare: number;
  /** True for one that works at night, when nobody looks. */
  readonly isNightly?: boolean;
}

export const demoApps: readonly DemoApp[] = [
  {
    ...{ name: "search-prod", person: "priya", share: 38, tags: "env=prod,team=search", cachedShare: 0.12 },
    ...{ models: { "simulated-chat": 5, "simulated-small": 4, "simulated-large": 1 }, inputTokens: 1_800 },
    outputTokens: 260,
  },
  {
    ...{ name: "search-index", person: "wei", share: 16, tags: "env=prod,team=search", cachedShare: 0 },
    ...{ models: { "simulated-embedding": 1 }, inputTokens: 700, outputTokens: 0, isNightly: true },
  },
  {
    ...{ name: "helpdesk", person: "sofia", share: 20, tags: "env=prod,team=support", cachedShare: 0.06 },
    ...{ models: { "simulated-chat": 3, "simulated-large": 1 }, inputTokens: 1_100, outputTokens: 340 },
  },
  {
    ...{ name: "helpdesk-staging", person: "liam", share: 4, tags: "env=staging,team=support", cachedShare: 0.02 },
    ...{ models: { "simulated-small": 1 }, inputTokens: 600, outputTokens: 180 },
  },
  {
    ...{ name: "nightly-reports", person: "amara", share: 8, tags: "env=prod,team=platform", cachedShare: 0 },
    ...{ models: { "simulated-large": 1 }, inputTokens: 6_500, outputTokens: 900, isNightly: true },
  },
  {
    ...{ name: "eval-runs", person: "yuki", share: 9, tags: "env=dev,team=research", cachedShare: 0.02 },
    ...{ models: { "simulated-large": 2, "simulated-chat": 2, "simulated-small": 1 }, inputTokens: 2_400 },
    outputTokens: 700,
  },
  {
    ...{ name: "notebook", person: "tom", share: 4, tags: "env=dev,team=research", cachedShare: 0.01 },
    ...{ models: { "simulated-chat": 2, "simulated-large": 1 }, inputTokens: 900, outputTokens: 420 },
  },
  {
    ...{ name: "playground", person: "mia", share: 1, tags: "env=dev", cachedShare: 0 },
    ...{ models: { "simulated-chat": 1, "simulated-small": 1, "simulated-large": 1 }, inputTokens: 300 },
    outputTokens: 350,
  },
];

/** A budget of the made-up company, as large as its calls ask for. */
export interface DemoBudget {
  readonly scope: BudgetScope;
  /** A group's name, a person's handle or a key's name; empty for the tenant. */
  readonly of: string;
  readonly unit: BudgetUnit;
  readonly period: BudgetPeriod;
  /** How much of it one call of all of the tenant's stands for: nano-units, tokens or calls. */
  readonly perDailyCall: number;
}

export const demoBudgets: readonly DemoBudget[] = [
  budget(BudgetScope.TENANT, "", BudgetUnit.MONEY, BudgetPeriod.MONTH, 60_000_000),
  budget(BudgetScope.GROUP, "Search", BudgetUnit.MONEY, BudgetPeriod.MONTH, 19_500_000),
  budget(BudgetScope.GROUP, "Support", BudgetUnit.MONEY, BudgetPeriod.MONTH, 11_000_000),
  budget(BudgetScope.GROUP, "Platform", BudgetUnit.MONEY, BudgetPeriod.MONTH, 22_000_000),
  budget(BudgetScope.GROUP, "Research", BudgetUnit.TOKENS, BudgetPeriod.MONTH, 20_000),
  budget(BudgetScope.USER, "tom", BudgetUnit.CALLS, BudgetPeriod.DAY, 0.1),
  budget(BudgetScope.USER, "yuki", BudgetUnit.TOKENS, BudgetPeriod.DAY, 600),
  budget(BudgetScope.KEY, "helpdesk-staging", BudgetUnit.MONEY, BudgetPeriod.MONTH, 150_000),
];

function budget(
  scope: BudgetScope,
  of: string,
  unit: BudgetUnit,
  period: BudgetPeriod,
  perDailyCall: number,
): DemoBudget {
  return { scope, of, unit, period, perDailyCall };
}

/** What comes into its wallet, in nano-units for each of its calls: nobody pays it. */
export const demoTopUps: readonly number[] = [900_000, 750_000, 600_000, 450_000];
