import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { LatencyPoint, Plan, RoundResult } from "./measure.ts";
import type { Profiled, ProfiledStages } from "./measure-stages.ts";
import { findCompiler } from "./native.ts";
import { portkeyPackage } from "./peers.ts";
import { readNginxVersion, repositoryRoot } from "./systems.ts";

/** All rounds of all systems, and where and how they were measured. */
export interface Report {
  readonly date: string;
  readonly command: string;
  readonly commit: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly plan: Plan;
  readonly systems: Readonly<Record<string, { readonly median: RoundResult; readonly rounds: readonly RoundResult[] }>>;
}

/** Everything about the run that is not a figure of it. */
export function describeRun(command: string, plan: Plan, now: Date): Omit<Report, "systems"> {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: repositoryRoot, encoding: "utf8" }).trim();
  const [first] = cpus();
  const isChanged = git("status", "--porcelain", "--", "apps", "kit", "services", "contracts") !== "";
  return {
    date: now.toISOString().slice(0, 16).replace("T", " "),
    command,
    commit: `${git("rev-parse", "--short", "HEAD")}${isChanged ? " with changes" : ""}`,
    machine: `${cpus().length} × ${first?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    versions: { node: process.version, nginx: readNginxVersion().replace(/^.*\//, ""), cc: findCompiler() ?? "" },
    plan,
  };
}

/** The median of each figure over the rounds. */
export function medianRound(rounds: readonly RoundResult[]): RoundResult {
  const number = (pick: (round: RoundResult) => number) => medianOf(rounds.map(pick));
  const parts = (pick: (round: RoundResult) => Readonly<Record<string, number>>) => {
    const names = [...new Set(rounds.flatMap((round) => Object.keys(pick(round))))];
    return Object.fromEntries(names.map((name) => [name, number((round) => pick(round)[name] ?? 0)]));
  };
  const point = (pick: (round: RoundResult) => LatencyPoint): LatencyPoint => ({
    perSecond: number((round) => pick(round).perSecond),
    p50: number((round) => pick(round).p50),
    p99: number((round) => pick(round).p99),
    addedP50: number((round) => pick(round).addedP50),
    addedP99: number((round) => pick(round).addedP99),
  });
  return {
    callsPerSecond: number((round) => round.callsPerSecond),
    cpuMicrosPerCall: parts((round) => round.cpuMicrosPerCall),
    coreShare: parts((round) => round.coreShare),
    light: point((round) => round.light),
    half: point((round) => round.half),
    bytesPerStream: parts((round) => round.bytesPerStream),
    cpuMicrosPerChunk: parts((round) => round.cpuMicrosPerChunk),
    streamFirstByteP50: rounds.some((round) => round.streamFirstByteP50 === undefined)
      ? undefined
      : number((round) => round.streamFirstByteP50 ?? 0),
    disturbance: number((round) => round.disturbance),
  };
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

interface Row {
  readonly label: string;
  readonly read: (result: RoundResult) => number | undefined;
  readonly decimals: number;
  /** False where a ratio to nginx would say nothing. */
  readonly isCompared?: boolean;
}

const total = (parts: Readonly<Record<string, number>>) =>
  Object.keys(parts).length === 0 ? undefined : Object.values(parts).reduce((sum, value) => sum + value, 0);

function rowsFor(plan: Plan): readonly Row[] {
  return [
    { label: "calls per second of CPU time", read: (result) => inverse(total(result.cpuMicrosPerCall)), decimals: 0 },
    { label: "calls/s on one core", read: (result) => result.callsPerSecond, decimals: 0 },
    {
      label: "– share of its core it had, %",
      read: (result) => percent(total(result.coreShare)),
      decimals: 0,
      isCompared: false,
    },
    { label: "CPU µs per call", read: (result) => total(result.cpuMicrosPerCall), decimals: 1 },
    { label: "– of the platform alone", read: (result) => result.cpuMicrosPerCall.platform, decimals: 1 },
    { label: "– of the gateway processes alone", read: (result) => result.cpuMicrosPerCall.gateways, decimals: 1 },
    { label: "– of PostgreSQL alone", read: (result) => result.cpuMicrosPerCall.postgresql, decimals: 1 },
    { label: `p50 µs at ${plan.lightRate}/s`, read: (result) => result.light.p50, decimals: 0 },
    { label: "– added to direct", read: (result) => result.light.addedP50, decimals: 0 },
    { label: `p99 µs at ${plan.lightRate}/s`, read: (result) => result.light.p99, decimals: 0 },
    { label: "– added to direct", read: (result) => result.light.addedP99, decimals: 0 },
    { label: "half of its own calls/s", read: (result) => result.half.perSecond, decimals: 0, isCompared: false },
    { label: "– p50 µs added to direct", read: (result) => result.half.addedP50, decimals: 0 },
    { label: "– p99 µs added to direct", read: (result) => result.half.addedP99, decimals: 0 },
    { label: "KiB per open stream", read: (result) => kib(total(result.bytesPerStream)), decimals: 1 },
    { label: "CPU µs per chunk of a stream", read: (result) => total(result.cpuMicrosPerChunk), decimals: 1 },
    {
      label: `p50 ms to the first byte of ${plan.streams} streams at once`,
      read: ({ streamFirstByteP50: micros }) => (micros === undefined ? undefined : micros / 1000),
      decimals: 1,
    },
    {
      label: "other programs meanwhile, % of the machine",
      read: (result) => percent(result.disturbance),
      decimals: 1,
      isCompared: false,
    },
  ];
}

function percent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : share * 100;
}

function inverse(micros: number | undefined): number | undefined {
  return micros ? 1e6 / micros : undefined;
}

function kib(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : bytes / 1024;
}

/** How many times the calls of another system Lyss serves in the same CPU time. */
function ratioTo(name: string, { systems }: Report): string {
  const cost = (system: string) => total(systems[system]?.median.cpuMicrosPerCall ?? {}) ?? 0;
  return (cost(name) / cost("lyss")).toFixed(1);
}

/** How many times the calls of one process two gateway processes would serve on two cores. */
function pairRatio({ systems }: Report): string {
  const cost = (name: string) => total(systems[name]?.median.cpuMicrosPerCall ?? {});
  const [one, pair] = [cost("lyss"), cost("lyss-2")];
  return one && pair ? ((2 * one) / pair).toFixed(2) : "not measured";
}

/** How many times nginx's CPU time one gateway process takes for a call, by itself. */
function apartRatio({ systems }: Report): string {
  const cost = (name: string) => total(systems[name]?.median.cpuMicrosPerCall ?? {});
  const [nginx, gateway] = [cost("nginx"), cost("gateway")];
  return nginx && gateway ? (gateway / nginx).toFixed(2) : "an unknown number of";
}

/** The report as a page of Markdown. */
export function writeMarkdown(report: Report): string {
  const { plan, systems } = report;
  const names = Object.keys(systems);
  const hasRatio = "lyss" in systems && "nginx" in systems;
  const header = ["", ...names, ...(hasRatio ? ["lyss / nginx"] : [])];
  const rows = rowsFor(plan).flatMap(({ label, read, decimals, isCompared = true }) => {
    const values = names.map((name) => systems[name] && read(systems[name].median));
    if (values.every((value) => value === undefined)) return [];
    const [nginx = 0, lyss = 0] = [
      systems.nginx && read(systems.nginx.median),
      systems.lyss && read(systems.lyss.median),
    ];
    const isMeaningful = isCompared && nginx > 0 && lyss > 0;
    const ratio = hasRatio ? [isMeaningful ? (lyss / nginx).toFixed(lyss < nginx / 10 ? 3 : 2) : ""] : [];
    return [[label, ...values.map((value) => value?.toFixed(decimals) ?? ""), ...ratio]];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const versions = Object.entries(report.versions).map(([name, version]) => `${name} ${version}`);
  const isOneRound = plan.rounds === 1;
  return `# The gateway beside nginx

Written by \`${report.command}\` on ${report.date} UTC at commit ${report.commit}. Machine: ${report.machine}. ${versions.join(", ")}.
${isOneRound ? "One round" : `Medians of ${plan.rounds} alternating rounds`}, each on freshly started systems. Each system but \`lyss-2\` has one core, mock and load the other.

${[line(header), line(header.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n")}

- A call is \`POST /v1/chat/completions\` with a 1 KB body and a 700-byte answer, keep-alive, ${plan.connections} connections.
- CPU is user and system time of all processes of the system; Lyss writes every call into its ledger, nginx does not.
- "Added" is the difference between the percentiles with the system and without it, at the same fixed rate.
  Under \`direct\` it is what two runs without a system differ by: the noise.
- \`sockets\` is a Node program that joins two connections and looks at nothing: the floor of any gateway in Node.
- \`lyss-2\` is \`lyss up --gateways 2\`, the second of them on the core of mock and load, whose time is not counted. Two cores to themselves would carry twice
  \`lyss / lyss-2\` of what one process carries, by the CPU time of a call: ${pairRatio(report)}.
${"gateway" in systems ? `- \`gateway\` is one gateway process by itself, ${apartRatio(report)} × nginx. The other services and PostgreSQL share its core and have their own processes;\n  what a call takes there is not in this column.\n` : ""}${"portkey" in systems ? `- \`portkey\` is ${portkeyPackage} without its console, for production; on this Node it answers streams with 500. Lyss serves ${ratioTo("portkey", report)} times its\n  calls per second of CPU time.\n` : ""}- Memory is the growth of resident memory with ${plan.streams} open streams, at its peak, divided by ${plan.streams}.
- Streams carry a chunk each ${plan.chunkIntervalMs} ms. Other machines give other figures; look at the ratios.
`;
}

/** What each stage of a call costs, as a page of Markdown. */
export function writeStages(report: Omit<Report, "systems"> & ProfiledStages): string {
  const { whole, gateway, command, date, commit, machine, versions } = report;
  const cells = ({ stages, callMicros }: Profiled, index: number) => {
    const { share = 0 } = stages[index] ?? {};
    return `${(share * callMicros).toFixed(1)} | ${(100 * share).toFixed(1)}`;
  };
  const rows = whole.stages.map(({ name }, index) => `| ${name} | ${cells(whole, index)} | ${cells(gateway, index)} |`);
  return `# What a call costs, stage by stage

Written by \`${command}\` on ${date} UTC at commit ${commit}. Machine: ${machine}. node ${versions["node"]}.
A unary call at saturation (64 connections), while Node's profiler looks on, takes ${whole.callMicros.toFixed(1)} µs of CPU time of a platform that is one process (on
one core with PostgreSQL beside it), and ${gateway.callMicros.toFixed(1)} of a gateway process whose other services are a process of their own on that core.
A sample belongs to the innermost frame of Lyss's own code; writing to a socket and collecting garbage stand apart.

| stage | whole platform: CPU µs per call | % | gateway process: CPU µs per call | % |
| --- | ---: | ---: | ---: | ---: |
${rows.join("\n")}
`;
}
