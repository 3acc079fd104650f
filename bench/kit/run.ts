import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { createCacheContestants } from "./cache.ts";
import { type Contestant, contest, type Figure } from "./contest.ts";
import { createLimiterContestants } from "./limiters.ts";
import { createResilienceContestants } from "./resilience.ts";
import { createTracingContestants } from "./tracing.ts";

/** What is measured together, and how often each thing is done in a round. */
interface Section {
  readonly title: string;
  readonly count: number;
  readonly contestants: readonly Contestant[];
  readonly note: string;
}

const peers = ["cockatiel", "opossum", "rate-limiter-flexible", "bentocache"];
const rounds = 9;
const quickRounds = 5;
/** Share of a round that `--quick` does. */
const quickShare = 0.1;
const cachedKeys = 10_000;

/** What the kit costs where nothing goes wrong, beside its peers; `--quick` does a tenth of it and writes nothing. */
export async function runKitBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const [loadBefore = 0] = loadavg();
  const tables: string[] = [];
  for (const { title, count, contestants, note } of await createSections()) {
    const figures = await contest(contestants, {
      rounds: isQuick ? quickRounds : rounds,
      count: isQuick ? count * quickShare : count,
    });
    tables.push(`## ${title}\n${note}\n\n${toTable(figures)}\n`);
    console.log(tables.at(-1));
  }
  if (!isQuick) writeFileSync(new URL("../results/kit.md", import.meta.url), toReport(tables, loadBefore));
}

async function createSections(): Promise<readonly Section[]> {
  return [
    {
      title: "Breaker, retry and bulkhead around a call",
      count: 200_000,
      contestants: createResilienceContestants(),
      note: `Calls that go well, one after the other. opossum has no retry; its \`capacity\` is the bulkhead. The kit's breaker watches a
window of 30 s, cockatiel's five failures in a row. The kit's retry keeps a budget and, in a call context, tells the layers inside
that it repeats.`,
    },
    ...[1, 1_000, 100_000].map((keyCount) => ({
      title: `A limiter's take, ${keyCount.toLocaleString("en")} ${keyCount === 1 ? "key" : "keys"}`,
      count: 500_000,
      contestants: createLimiterContestants(keyCount),
      note: "In memory, allowed. rate-limiter-flexible answers with a promise; the kit's answer at once and forget the stalest key.",
    })),
    {
      title: "A hit in memory",
      count: 300_000,
      contestants: await createCacheContestants(cachedKeys),
      note: `${cachedKeys.toLocaleString("en")} keys of 37 characters in turn. A value that is fresh comes without a promise.`,
    },
    {
      title: "A span",
      count: 300_000,
      contestants: createTracingContestants(),
      note: "A request has one `inSpan` at most; other places ask once whether there is a tracer.",
    },
  ];
}

function toTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, goalNs, medianNs, bestNs }) => {
    const goal = goalNs === undefined ? "" : `≤ ${goalNs.toLocaleString("en")}${medianNs <= goalNs ? "" : " (missed)"}`;
    return `| ${name} | ${format(medianNs)} | ${format(bestNs)} | ${goal} |`;
  });
  return ["| | CPU ns, median | best round | goal |", "|---|---:|---:|---:|", ...rows].join("\n");
}

function format(ns: number): string {
  return ns < 100 ? ns.toFixed(1) : ns.toFixed(0);
}

function toReport(tables: readonly string[], loadBefore: number): string {
  const versions = peers.map((name) => `${name} ${versionOf(name)}`).join(", ");
  return `# The kit beside its peers

\`npm run bench -- kit\`: Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, load average ${loadBefore.toFixed(2)} at the start;
${versions}. Medians of ${rounds} rounds in turns, in one process, of the CPU time that one
takes, garbage collection included. Other machines give other figures; look at the ratios.

${tables.join("\n")}`;
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}
