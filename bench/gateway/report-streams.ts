import { openStreams, type StreamRound } from "./measure-streams.ts";
import { medianOf, type Report } from "./report.ts";

/** By system. */
export type StreamMedians = Readonly<Record<string, StreamRound>>;

/** The median of each figure over the rounds. */
export function medianStreams(rounds: readonly StreamRound[]): StreamRound {
  const number = (name: keyof StreamRound) => medianOf(rounds.map((round) => round[name]));
  return {
    cpuMicrosPerChunk: number("cpuMicrosPerChunk"),
    chunksPerSecond: number("chunksPerSecond"),
    lightP50: number("lightP50"),
    lightP99: number("lightP99"),
    manyP50: number("manyP50"),
    manyP99: number("manyP99"),
    kibPerStream: number("kibPerStream"),
  };
}

const rows: readonly (readonly [name: keyof StreamRound, label: string, goal: string])[] = [
  ["cpuMicrosPerChunk", "400 streams at 50 chunks/s: CPU µs per chunk", "≤ 1.3 × nginx"],
  ["chunksPerSecond", "– chunks/s that arrived", ""],
  ["lightP50", "first byte at 50 streams/s: p50 ms", "≤ 1.3 × nginx"],
  ["lightP99", "– p99 ms", "≤ 1 ms"],
  ["manyP50", "first byte with 2,000 streams open, 400 beginning each second: p50 ms", ""],
  ["manyP99", "– p99 ms", "≤ 5 ms"],
  ["kibPerStream", `${openStreams.toLocaleString("en")} streams open: KiB each`, "≤ 64"],
];

/** The report as a page of Markdown. */
export function writeStreams(
  report: Omit<Report, "systems"> & { readonly medians: StreamMedians; readonly rounds: number },
): string {
  const { medians, rounds, command, date, commit, machine, versions } = report;
  const names = Object.keys(medians);
  const lines = rows.map(([name, label, goal]) => {
    const values = names.map((system) => medians[system]?.[name] ?? 0);
    const [nginx, lyss] = [medians["nginx"]?.[name], medians["lyss"]?.[name]];
    const shown = values.map((value, index) => (names[index] === "direct" && value === 0 ? "" : value.toFixed(2)));
    return `| ${[label, ...shown, nginx && lyss ? (lyss / nginx).toFixed(2) : "", goal].join(" | ")} |`;
  });
  return `# Streams beside nginx

Written by \`${command}\` on ${date} UTC at commit ${commit}. Machine: ${machine}. node ${versions["node"]}, nginx ${versions["nginx"]}.
${rounds === 1 ? "One round" : `Medians of ${rounds} rounds in turns`}, each part on freshly started and warmed up systems. Each system has one core, mock and load the other.

| | ${names.join(" | ")} | lyss / nginx | goal |
| --- | ${names.map(() => "---:").join(" | ")} | ---: | --- |
${lines.join("\n")}

- CPU is that of all processes of the system. Lyss counts, meters and pays for each stream; nginx does not.
- A first byte counts from when the request was due, so that a slow system cannot hide by slowing the load down.
- Memory is the growth of resident memory at its peak. Other machines give other figures; look at the ratios.
`;
}
