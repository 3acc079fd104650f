import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { systemClock } from "@lyss/kit/service/clock.ts";

/** One part of the report, which is measured and written by itself. */
export interface Section {
  readonly title: string;
  readonly text: string;
}

const heading = `# Money

Each section says by which command it was measured, on what and when. Other machines, and busier ones, give other figures; look at
the CPU time and at the ratios.
`;

/** The line under a section's title: how to measure it again, and where it was measured. */
export function describeMachine(part: string, loadBefore: number): string {
  const processor = `${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`;
  const day = new Date(systemClock.nowMs()).toISOString().slice(0, 10);
  return `\`npm run bench -- billing ${part}\`: Node ${process.versions.node}, ${processor}, load average ${loadBefore.toFixed(2)} at the start, ${day}.`;
}

export function readLoad(): number {
  return loadavg()[0] ?? 0;
}

/** The report with these sections in the place of those of the same title, new ones at the end, and all others as they were. */
export function withSections(report: string, sections: readonly Section[]): string {
  const [, ...parts] = report.split(/^## /m);
  const texts = new Map(
    parts.map((part) => {
      const [title = "", ...lines] = part.split("\n");
      return [title, lines.join("\n").trim()];
    }),
  );
  for (const { title, text } of sections) texts.set(title, text.trim());
  return [heading, ...[...texts].map(([title, text]) => `## ${title}\n${text}\n`)].join("\n");
}

/** Writes sections into the report, and leaves the others alone. */
export function writeSections(file: URL, sections: readonly Section[]): void {
  writeFileSync(file, withSections(readFileSync(file, "utf8"), sections));
}
