import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { TestScope } from "@lyss/kit/testing/postgres.ts";
import { openBilling } from "./open-billing.ts";
import { measureCopy, measureSettling, type SettleFigure } from "./settle.ts";

/** How long each part takes. */
interface Plan {
  readonly sustainedSeconds: number;
  readonly floorSeconds: number;
  readonly hotRounds: number;
  readonly hotSeconds: number;
}

const fullPlan: Plan = { sustainedSeconds: 60, floorSeconds: 15, hotRounds: 5, hotSeconds: 8 };
const quickPlan: Plan = { sustainedSeconds: 4, floorSeconds: 2, hotRounds: 1, hotSeconds: 2 };

const nodes = 4;
const walletsPerNode = 4;
const goalPerSecond = 20_000;

/** What the money costs, beside its floors; `--quick` takes seconds and writes nothing. */
export async function runBillingBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const plan = isQuick ? quickPlan : fullPlan;
  const [loadBefore = 0] = loadavg();
  const sections = await inScope(async (t) => [await describeSettling(t, plan), await describeHotWallet(t, plan)]);
  const report = `# Money

\`npm run bench -- billing\`: Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, load average ${loadBefore.toFixed(2)} at the start,
${new Date(systemClock.nowMs()).toISOString().slice(0, 10)}. Other machines, and busier ones, give other figures; look at the CPU time and at the ratios.

${sections.join("\n")}`;
  console.log(report);
  if (!isQuick) writeFileSync(new URL("../results/billing.md", import.meta.url), report);
}

async function describeSettling(t: TestScope, { sustainedSeconds, floorSeconds }: Plan): Promise<string> {
  const billing = await openBilling(t);
  const shape = { nodes, walletsPerNode, isShared: false };
  await measureSettling(billing, { ...shape, seconds: floorSeconds / 2 });
  const before = await measureCopy(billing, { ...shape, seconds: floorSeconds });
  const settled = await measureSettling(billing, { ...shape, seconds: sustainedSeconds });
  const after = await measureCopy(billing, { ...shape, seconds: floorSeconds });
  const goal = settled.factsPerSecond >= goalPerSecond ? "" : " (missed)";
  return `## Settling
Facts of ${nodes} nodes in batches of 2,000, ${nodes * walletsPerNode} wallets, 160 keys, through \`postFacts\` into an embedded PostgreSQL that syncs every commit;
the sums by minute, hour and day are kept up to date meanwhile. The floor is a \`COPY\` of the same rows into a table like that of usage. Goal:
${goalPerSecond.toLocaleString("en")} facts/s for a minute${goal}. Afterwards each wallet was its start less its usage, and the books balanced.

${toTable([
  { name: "floor: COPY, before", figure: before, seconds: floorSeconds },
  { name: "**settled**", figure: settled, seconds: sustainedSeconds },
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
  return `## One hot wallet
${nodes} nodes post at once, each for a wallet of its own or all for one. Medians of ${hotRounds} rounds in turns. Goal: one wallet loses less
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
