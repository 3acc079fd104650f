import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { type Contestant, contest, type Figure } from "../kit/contest.ts";
import {
  createAnswerContestants,
  createRequestContestants,
  createStreamContestants,
  requestOf,
} from "./contestants.ts";

/** What is measured together; `count` is how often in a round. The first contestant is what the others are compared with. */
interface Section {
  readonly title: string;
  readonly count: number;
  readonly contestants: readonly Contestant[];
}

const rounds = 9;
const quickRounds = 3;
const quickShare = 0.2;

/** What it costs to read a call from its bytes, beside JSON.parse and the ordinary way; `--quick` does less and writes nothing. */
export async function runScanBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const [loadBefore = 0] = loadavg();
  const tables: string[] = [];
  for (const { title, count, contestants } of createSections()) {
    const figures = await contest(contestants, {
      rounds: isQuick ? quickRounds : rounds,
      count: isQuick ? count * quickShare : count,
    });
    tables.push(`## ${title}\n\n${toTable(figures)}\n`);
    console.log(tables.at(-1));
  }
  if (!isQuick) writeFileSync(new URL("../results/scan.md", import.meta.url), toReport(tables, loadBefore));
}

function createSections(): readonly Section[] {
  const [small, large] = [requestOf(1_000), requestOf(100_000)];
  return [
    { title: `A request of ${small.length} bytes`, count: 30_000, contestants: createRequestContestants(small) },
    { title: `A request of ${large.length} bytes`, count: 500, contestants: createRequestContestants(large) },
    { title: "A whole answer", count: 30_000, contestants: createAnswerContestants() },
    { title: "An event of a stream, one in a chunk", count: 30_000, contestants: createStreamContestants(1) },
    { title: "An event of a stream, ten in a chunk", count: 30_000, contestants: createStreamContestants(10) },
  ];
}

function toTable(figures: readonly Figure[]): string {
  const floorNs = figures[0]?.bestNs ?? Number.NaN;
  const rows = figures.map(
    ({ name, medianNs, bestNs }) =>
      `| ${name} | ${medianNs.toFixed(0)} | ${bestNs.toFixed(0)} | ${(bestNs / floorNs).toFixed(2)} |`,
  );
  return ["| | CPU ns, median | best round | of the first, by best rounds |", "|---|---:|---:|---:|", ...rows].join(
    "\n",
  );
}

function toReport(tables: readonly string[], loadBefore: number): string {
  return `# Reading a call from its bytes

\`npm run bench -- scan\`: Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, load average ${loadBefore.toFixed(2)} at the start. Medians of
${rounds} rounds in turns, in one process, of the CPU time that one takes, garbage collection included. Other machines, and other
programs on this one, give other figures; look at the ratios.

${tables.join("\n")}`;
}
