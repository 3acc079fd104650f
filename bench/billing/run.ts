import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import type { MoneyPathReport } from "./money-path.ts";
import { runOneAccount } from "./one-account.ts";
import { openBilling } from "./open-billing.ts";
import { measureRequestLists } from "./request-lists.ts";
import { describeMachine, readLoad, type Section, withSections, writeSections } from "./sections.ts";
import { measureCopy, measureSettling, type SettleFigure } from "./settle.ts";
import { measurePages, type PageFigure } from "./usage-pages.ts";
import { fillUsage, type UsagePlan } from "./usage-rows.ts";

/** How long each part takes. */
interface Plan {
  readonly sustainedSeconds: number;
  readonly floorSeconds: number;
  readonly hotRounds: number;
  readonly hotSeconds: number;
  readonly pathSeconds: number;
  readonly usage: UsagePlan & { readonly asks: number };
}

const fullPlan: Plan = {
  ...{ sustainedSeconds: 60, floorSeconds: 15, hotRounds: 5, hotSeconds: 8, pathSeconds: 4 },
  usage: { rows: 10_000_000, days: 62, tenants: 200, largestShare: 0.6, asks: 100 },
};
const quickPlan: Plan = {
  ...{ sustainedSeconds: 4, floorSeconds: 2, hotRounds: 1, hotSeconds: 2, pathSeconds: 1 },
  usage: { rows: 200_000, days: 62, tenants: 200, largestShare: 0.6, asks: 10 },
};

const nodes = 4;
const walletsPerNode = 4;
const goalPerSecond = 20_000;
const pageGoalMs = 1_000;
const pathGoalMicros = 20;

/** What can be measured, each into a section of its own. */
const parts: Readonly<Record<string, { readonly title: string; describe(t: TestScope, plan: Plan): Promise<string> }>> =
  {
    settling: { title: "Settling", describe: describeSettling },
    "hot-wallet": { title: "One hot wallet", describe: describeHotWallet },
    "money-path": { title: "What money costs a gateway", describe: describeMoneyPath },
    "usage-pages": { title: "Usage pages", describe: describeUsagePages },
    requests: { title: "Lists of requests", describe: describeRequestLists },
  };

/** What the money costs, beside its floors: the parts that are named, or all of them. `--quick` takes seconds, `--rows=` so many rows of usage; both write nothing. */
export async function runBillingBench(args: readonly string[]): Promise<void> {
  // By itself only: it takes ten minutes for each of its ways, and an option for fewer.
  if (args[0] === "one-account") return runOneAccount(args.slice(1));
  const isQuick = args.includes("--quick");
  const rows = Number(args.find((arg) => arg.startsWith("--rows="))?.slice("--rows=".length));
  const usualPlan = isQuick ? quickPlan : fullPlan;
  const plan = rows > 0 ? { ...usualPlan, usage: { ...usualPlan.usage, rows } } : usualPlan;
  const named = args.filter((arg) => !arg.startsWith("--"));
  for (const name of named.length > 0 ? named : Object.keys(parts)) {
    const part = parts[name];
    if (!part) throw new Error(`'${name}' is none of ${Object.keys(parts).join(", ")}`);
    const machine = describeMachine(name, readLoad());
    const text = await inScope((t) => part.describe(t, plan));
    const sections: readonly Section[] = [{ title: part.title, text: `${machine}\n\n${text}` }];
    console.log(withSections("", sections));
    if (plan === fullPlan) writeSections(new URL("../results/billing.md", import.meta.url), sections);
  }
}

/** In a process of its own: the test runner, which the other parts load, watches every promise. */
async function describeMoneyPath(_t: TestScope, { pathSeconds }: Plan): Promise<string> {
  const program = fileURLToPath(new URL("./money-path.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, String(pathSeconds)]);
  const reports: readonly MoneyPathReport[] = JSON.parse(stdout);
  const rows = reports.map(({ concurrency, without, withMoney }) => {
    const micros = [without.microsPerCall, withMoney.microsPerCall, withMoney.microsPerCall - without.microsPerCall];
    return `| ${concurrency} | ${micros.map((us) => us.toFixed(1)).join(" | ")} | ${Math.round(withMoney.callsPerSecond).toLocaleString("en")} |`;
  });
  const most = Math.max(...reports.slice(1).map((it) => it.withMoney.microsPerCall - it.without.microsPerCall));
  return `A gateway's funding as in production (prices, lease, spool on disk, facts posted in batches and encoded) before a billing that grants
at once; a call begins, waits a turn of the event loop, ends. CPU of the whole process, garbage collection with it, over calls; the same loop
without money is taken off. Medians of 5 rounds of ${pathSeconds} s. Goal: below ${pathGoalMicros} µs a call under load${most < pathGoalMicros ? "" : " (missed)"}.

| calls at a time | without money, CPU µs a call | with | money | calls/s |
|---:|---:|---:|---:|---:|
${rows.join("\n")}`;
}

function describeUsagePages(t: TestScope, { usage }: Plan): Promise<string> {
  return describeLists(t, usage, measurePages);
}

/** Of a month, as people look at it. */
function describeRequestLists(t: TestScope, { usage }: Plan): Promise<string> {
  return describeLists(
    t,
    { ...usage, days: 31, asks: Math.ceil(usage.asks / 2), withSums: false },
    measureRequestLists,
  );
}

async function describeLists(t: TestScope, usage: Plan["usage"], measureLists: typeof measurePages): Promise<string> {
  const billing = await openBilling(t);
  const nowMs = systemClock.nowMs();
  await fillUsage(billing, usage, nowMs);
  const fillSeconds = (systemClock.nowMs() - nowMs) / 1_000;
  const figures = await measureLists(billing, usage, nowMs);
  const worstMs = Math.max(...figures.map(({ p95Ms }) => p95Ms));
  const [size] = await billing.service.sql<{ usage: string; sums: string; sumRows: string }[]>`
    select pg_size_pretty(sum(pg_total_relation_size(relid)) filter (where relname like 'usage\\_2%')) as usage,
      pg_size_pretty(sum(pg_total_relation_size(relid)) filter (where relname like 'usage\\_sum%')) as sums,
      (select count(*) from usage_sum) as "sumRows"
    from pg_stat_user_tables`;
  return `${usage.rows.toLocaleString("en")} rows over ${usage.days} days in an embedded PostgreSQL (64 MB of shared buffers): ${usage.tenants} tenants, one of them with
${usage.largestShare * 100} %, by which each question is asked ${usage.asks} times with other names and times, through billing's operations. 30 % of the calls have tags.
Rows come from generate_series, a day at a time, into a table that becomes its partition when its indexes are built: ${Math.round(fillSeconds)} s. Usage takes ${size?.usage}${usage.withSums === false ? "" : `, its ${Number(size?.sumRows).toLocaleString("en")} sums ${size?.sums}`}. Goal: p95 below ${pageGoalMs.toLocaleString("en")} ms for each; the worst is ${Math.round(worstMs)} ms${worstMs < pageGoalMs ? "" : " (missed)"}.

| | rows | p50 ms | p95 ms | p99 ms |
|---|---:|---:|---:|---:|
${figures.map(toPageLine).join("\n")}`;
}

function toPageLine({ question, rows, p50Ms, p95Ms, p99Ms }: PageFigure): string {
  return `| ${question} | ${rows} | ${[p50Ms, p95Ms, p99Ms].map((ms) => ms.toFixed(1)).join(" | ")} |`;
}

async function describeSettling(t: TestScope, { sustainedSeconds, floorSeconds }: Plan): Promise<string> {
  const billing = await openBilling(t);
  const shape = { nodes, walletsPerNode, isShared: false };
  await measureSettling(billing, { ...shape, seconds: floorSeconds / 2 });
  const before = await measureCopy(billing, { ...shape, seconds: floorSeconds });
  const settled = await measureSettling(billing, { ...shape, seconds: sustainedSeconds });
  const tagged = await measureSettling(billing, { ...shape, seconds: floorSeconds, isTagged: true });
  const after = await measureCopy(billing, { ...shape, seconds: floorSeconds });
  const goal = settled.factsPerSecond >= goalPerSecond ? "" : " (missed)";
  return `Facts of ${nodes} nodes in batches of 2,000, ${nodes * walletsPerNode} wallets, 160 keys, through \`postFacts\` into an embedded PostgreSQL that syncs every commit;
the sums by minute, hour and day are kept up to date meanwhile. The floor is a \`COPY\` of the same rows into a table like that of usage. Goal:
${goalPerSecond.toLocaleString("en")} facts/s for a minute${goal}. Afterwards each wallet was its start less its usage, and the books balanced.

${toTable([
  { name: "floor: COPY, before", figure: before, seconds: floorSeconds },
  { name: "**settled**", figure: settled, seconds: sustainedSeconds },
  { name: "settled, 30 % with two tags", figure: tagged, seconds: floorSeconds },
  { name: "floor: COPY, after", figure: after, seconds: floorSeconds },
])}
`;
}

async function describeHotWallet(t: TestScope, { hotRounds, hotSeconds: seconds }: Plan): Promise<string> {
  const billing = await openBilling(t);
  const shape = { nodes, walletsPerNode: 1, seconds };
  const rounds: { readonly own: SettleFigure; readonly shared: SettleFigure }[] = [];
  await measureSettling(billing, { ...shape, isShared: false });
  for (let round = 0; round < hotRounds; round++) {
    // Each goes first every other time.
    const first = await measureSettling(billing, { ...shape, isShared: round % 2 === 1 });
    const second = await measureSettling(billing, { ...shape, isShared: round % 2 === 0 });
    rounds.push(round % 2 === 1 ? { own: second, shared: first } : { own: first, shared: second });
  }
  const own = medianOf(rounds.map((round) => round.own));
  const shared = medianOf(rounds.map((round) => round.shared));
  const lostPercent = 100 * (1 - shared.factsPerSecond / own.factsPerSecond);
  return `${nodes} nodes post at once, each for a wallet of its own or all for one. Medians of ${hotRounds} rounds in turns. Goal: one wallet loses less
than 10 %. It loses ${lostPercent.toFixed(1)} %${lostPercent < 10 ? "" : " (missed)"}.

${toTable([
  { name: "four wallets", figure: own, seconds },
  { name: "one wallet", figure: shared, seconds },
])}
`;
}

function medianOf(figures: readonly SettleFigure[]): SettleFigure {
  const sorted = figures.toSorted((a, b) => a.factsPerSecond - b.factsPerSecond);
  const median = sorted[sorted.length >> 1];
  if (!median) throw new Error("there are no rounds");
  return median;
}

function toTable(
  rows: readonly { readonly name: string; readonly figure: SettleFigure; readonly seconds: number }[],
): string {
  const lines = rows.map(({ name, figure, seconds }) => {
    const { factsPerSecond, nodeMicrosPerFact, postgresMicrosPerFact } = figure;
    const cpu = [nodeMicrosPerFact, postgresMicrosPerFact, nodeMicrosPerFact + postgresMicrosPerFact];
    return `| ${name} | ${seconds} | ${Math.round(factsPerSecond).toLocaleString("en")} | ${cpu.map((us) => us.toFixed(1)).join(" | ")} |`;
  });
  return [
    "| | seconds | facts/s | CPU µs a fact: Node | PostgreSQL | both |",
    "|---|---:|---:|---:|---:|---:|",
    ...lines,
  ].join("\n");
}

/** Runs `work`, then in reverse order what it left to be closed. */
async function inScope<T>(work: (t: TestScope) => Promise<T>): Promise<T> {
  const works: (() => Promise<void>)[] = [];
  try {
    return await work({ after: (close) => works.push(close) });
  } finally {
    for (const close of works.toReversed()) await close();
  }
}
