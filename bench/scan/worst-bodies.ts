import { writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseBody, parseBodyExact } from "@lyss/services/ai-gateway/call/parse-body.ts";
import { findExcess, jsonLimits } from "@lyss/services/ai-gateway/scan/json-size.ts";

const rounds = 7;
const quickRounds = 2;

/** What takes longest of what `jsonLimits` lets through; `round` makes names and texts that the engine has not seen. */
const bodies: Readonly<Record<string, (round: number) => string>> = {
  "short numbers": () => listOf(jsonLimits.values, () => "0"),
  "numbers of nine characters": () => listOf(jsonLimits.values - 2_010, () => "0.1234567"),
  "long numbers": () => listOf(jsonLimits.long_numbers, () => "0.12345678901234567890"),
  "empty objects": () => listOf(jsonLimits.lists - 2, () => "{}"),
  "lists in lists": () => listOf(Math.floor(jsonLimits.lists / 61), () => `${"[".repeat(60)}${"]".repeat(60)}`),
  texts: (round) => listOf(jsonLimits.texts, (n) => `"s${round}_${n}"`),
  "texts with escapes": (round) => listOf(jsonLimits.texts, (n) => `"\\n${round}_${n}"`),
  "different names": (round) => listOf(jsonLimits.different_names - 2, (n) => `{"k${round}_${n}":0}`),
  "the same names": () => listOf(7_900, () => `{${Array.from({ length: 5 }, (_, name) => `"k${name}":0`).join(",")}}`),
  "escapes in many places": () => `["${"\\na".repeat(jsonLimits.escapes)}"]`,
  "escapes that follow each other": () => `["${"\\u4e2d".repeat(Math.floor(jsonLimits.escaped_bytes / 6))}"]`,
  "white space": () => `[${" ".repeat(jsonLimits.loose_bytes - 10)}]`,
  "one long text": () => `["${"a".repeat(33_000_000)}"]`,
  "one long text with an escape": () => `["${"a".repeat(16_500_000)}\\n${"b".repeat(16_500_000)}"]`,
  "one long text of Chinese": () => `["${"中".repeat(11_000_000)}"]`,
  "some of all": (round) =>
    `[${listOf(2_000, (n) => `{"k${round}_${n}":0}`)},${listOf(12_000, (n) => `"\\n${round}_${n}"`)},${listOf(
      12_000,
      () => "{}",
    )},${listOf(100_000, () => "0.1234567")},"${"\\na".repeat(300_000)}","${"a".repeat(7_000_000)}"]`,
};

const listOf = (count: number, itemOf: (n: number) => string) =>
  `[${Array.from({ length: count }, (_, n) => itemOf(n)).join(",")}]`;

interface Figures {
  readonly name: string;
  readonly megabytes: number;
  readonly findMs: number;
  readonly parseMs: number;
  readonly exactMs: number;
}

/** How long the worst bodies that are let through hold up a process, step by step; `--quick` does less and writes nothing. */
export async function runBodiesBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const [loadBefore = 0] = loadavg();
  const measured = Object.entries(bodies).map(([name, make]) => measure(name, make, isQuick ? quickRounds : rounds));
  const table = toTable(measured);
  console.log(table);
  if (!isQuick) writeFileSync(new URL("../results/bodies.md", import.meta.url), toReport(table, loadBefore));
}

/** Medians: the first round of a kind also pays for code that is not compiled yet. */
function measure(name: string, make: (round: number) => string, count: number): Figures {
  let megabytes = 0;
  const times = Array.from({ length: count }, (_, round) => {
    const body = toBody(make(round));
    megabytes = body.length / 1e6;
    const excess = findExcess(body);
    if (excess) throw new Error(`${name} has too much: ${excess}`);
    const exact = toBody(make(count + round));
    return [cpuMs(() => findExcess(body)), cpuMs(() => parseBody(body)), cpuMs(() => parseBodyExact(exact))];
  });
  const [findMs = 0, parseMs = 0, exactMs = 0] = [0, 1, 2].map((step) => medianOf(times.map((one) => one[step] ?? 0)));
  return { name, megabytes, findMs, parseMs, exactMs };
}

/** A request is an object. */
function toBody(json: string): Buffer {
  return Buffer.from(`{"input":${json}}`);
}

/** Of this thread, collection of garbage on it included. */
function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function toTable(all: readonly Figures[]): string {
  const rows = all.map(({ name, megabytes, findMs, parseMs, exactMs }) => {
    const figures = [megabytes, findMs, parseMs, exactMs].map((figure) => figure.toFixed(1));
    return `| ${name} | ${figures.join(" | ")} |`;
  });
  const head = ["| a body of | MB | counted, ms | counted and built, ms | the same, with its numbers as written, ms |"];
  return [...head, "|---|---:|---:|---:|---:|", ...rows].join("\n");
}

function toReport(table: string, loadBefore: number): string {
  return `# The worst bodies that are let through

\`npm run bench -- bodies\`: Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}, load average ${loadBefore.toFixed(2)} at the start. Medians of
${rounds} rounds of the CPU time of the thread. No step is to take 50 ms: that long all other calls of the process would wait.

${table}
`;
}
