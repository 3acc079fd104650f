import type { SoakResult } from "./measure-soak.ts";
import type { Report } from "./report.ts";

/** A long run as a page of Markdown. */
export function writeSoak(report: Omit<Report, "systems"> & { readonly soak: SoakResult }): string {
  const { soak, command, date, commit, machine, versions } = report;
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const ms = (micros: number) => (micros / 1_000).toFixed(1);
  const rows = soak.stretches.map((stretch) => {
    const { calls, callsPerSecond, residentBytes, heapBytes, loopDelayP50, loopDelayP99 } = stretch;
    const cells = [
      calls,
      callsPerSecond.toFixed(0),
      mib(residentBytes),
      mib(heapBytes),
      ms(loopDelayP50),
      ms(loopDelayP99),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const verdict = soak.spentNanos === soak.expectedNanos ? "the same, to the nano" : "NOT THE SAME";
  return `# ${soak.calls} calls without a pause

Written by \`${command}\` on ${date} UTC at commit ${commit}. Machine: ${machine}. node ${versions["node"]}.
One process with all services, as \`lyss up\` starts it, PostgreSQL beside it on the same core, 64 connections that call as fast as they are
answered. Loop delay is how late a timer of a millisecond is; figures are medians of the seconds of a stretch.

| calls so far | calls/s | resident MiB | heap MiB | loop delay p50 ms | p99 ms |
| ---: | ---: | ---: | ---: | ---: | ---: |
${rows.join("\n")}

Afterwards the wallet had lost ${soak.spentNanos} nano-dollars; ${soak.calls} calls cost ${soak.expectedNanos}: ${verdict}.
`;
}
