import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { globalSetup, globalTeardown } from "@lyss/kit/testing/global-setup.ts";
import { runTool } from "./run-tool.ts";
import { repositoryRoot } from "./source-tree.ts";

/** Files that are mutated, each with the tests that have to notice. They run once for each mutant: let them be quick. */
type Targets = Readonly<Record<string, readonly string[]>>;

const kit: Targets = {
  "kit/resilience/breaker.ts": ["kit/resilience/breaker.test.ts"],
  "kit/resilience/trip-rule.ts": ["kit/resilience/trip-rule.test.ts"],
  "kit/resilience/retry.ts": ["kit/resilience/retry.test.ts"],
  "kit/resilience/retry-budget.ts": ["kit/resilience/retry-budget.test.ts"],
  "kit/resilience/judge-error.ts": ["kit/resilience/judge-error.test.ts"],
  "kit/resilience/bulkhead.ts": ["kit/resilience/bulkhead.test.ts"],
  "kit/resilience/timeout.ts": ["kit/resilience/timeout.test.ts"],
  "kit/resilience/token-bucket.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/sliding-window.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter-bounds.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter-entries.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter-local-share.ts": ["kit/resilience/limiter-local-share.test.ts"],
  "kit/resilience/adaptive-limit.ts": ["kit/resilience/adaptive-limit.test.ts"],
  "kit/resilience/load-shed.ts": ["kit/resilience/load-shed.test.ts"],
  "kit/resilience/degradation-meter.ts": ["kit/resilience/degradation.test.ts"],
  "kit/resilience/degradation.ts": ["kit/resilience/degradation.test.ts"],
  "kit/workflow/saga.ts": ["kit/workflow/saga.test.ts"],
  "kit/workflow/run-saga.ts": ["kit/workflow/run-saga.test.ts"],
  "kit/workflow/attempt.ts": ["kit/workflow/attempt.test.ts"],
  "kit/workflow/step-gate.ts": ["kit/workflow/step-gate.test.ts"],
  "kit/events/outbox.ts": ["kit/events/outbox.db.test.ts"],
  "kit/events/event-reader.ts": ["kit/events/event-reader.db.test.ts"],
  "kit/events/subscription-store.ts": ["kit/events/subscription-store.db.test.ts"],
  "kit/events/durable-loop.ts": ["kit/events/durable-loop.db.test.ts"],
};

const money: Targets = {
  "contracts/pricing/price.ts": ["contracts/pricing/price.test.ts"],
  "services/billing/model.ts": ["services/billing/model.test.ts"],
  "services/billing/lease.ts": ["services/billing/lease.test.ts"],
  "services/billing/draw-facts.ts": ["services/billing/draw-facts.test.ts"],
  "services/ai-gateway/funds/lease-book.ts": ["services/ai-gateway/funds/lease-book.test.ts"],
};

/** By the page that says what came of it. */
const reports: Readonly<Record<string, Targets>> = {
  "docs/kit/mutation.md": kit,
  "docs/billing/mutation.md": money,
};

// Fetched when it is asked for: 165 packages that nobody needs to run the platform or its tests.
const stryker = "@stryker-mutator/core@10.1.1";
const workFolder = ".lyss/stryker";
const minScorePercent = 95;
/** What one package of ours imports of another is the copy that is mutated, too. */
const linkPackages = `[ -e node_modules ] || (mkdir node_modules && cp -RP "${join(repositoryRoot, "node_modules", "@lyss")}" node_modules/)`;
/** A mutant that loops is killed after this long on top of one and a half times what the tests usually take. */
const timeoutMs = 5_000;
/** Code longer than this is cut off in the report. */
const codeLimit = 80;

/** The part of Stryker's report that is read (github.com/stryker-mutator/mutation-testing-elements, schema version 2). */
export interface Mutant {
  readonly status: "Killed" | "Timeout" | "Survived" | "NoCoverage" | "Ignored" | "CompileError" | "RuntimeError";
  readonly mutatorName: string;
  readonly replacement: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** Both count from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Result {
  readonly file: string;
  readonly source: string;
  readonly mutants: readonly Mutant[];
}

/** What the report says of one file: its row of the table, and a line for each mutant that survived. */
interface Entry {
  readonly row: string;
  readonly survivors: readonly string[];
}

/** Changes one file in every way that Stryker knows, and runs its tests on each change. */
async function mutate(file: string, tests: readonly string[]): Promise<Result> {
  const name = basename(file, ".ts");
  const reportFile = join(workFolder, `${name}.report.json`);
  const configFile = join(workFolder, `${name}.config.json`);
  const config = {
    testRunner: "command",
    commandRunner: { command: `${linkPackages} && node --test --test-isolation=none ${tests.join(" ")}` },
    mutate: [file],
    plugins: [],
    reporters: ["json"],
    jsonReporter: { fileName: reportFile },
    // The copy that is mutated needs nothing else; not in node_modules, where Node strips no types.
    ignorePatterns: ["**", "!package.json", "!kit/**", "!contracts/**", "!services/**", "!tests/**"],
    tempDirName: join(workFolder, name),
    concurrency: availableParallelism(),
    timeoutMS: timeoutMs,
  };
  mkdirSync(join(repositoryRoot, workFolder), { recursive: true });
  writeFileSync(join(repositoryRoot, configFile), JSON.stringify(config));
  const { isSuccess, output } = await runTool("npm", [
    "exec",
    "--yes",
    `--package=${stryker}`,
    "--",
    "stryker",
    "run",
    configFile,
  ]);
  if (!isSuccess) throw new Error(`${file}: ${output}`);
  const report = JSON.parse(readFileSync(join(repositoryRoot, reportFile), "utf8"));
  return { file, ...report.files[file] };
}

function count(mutants: readonly Mutant[], ...statuses: readonly Mutant["status"][]): number {
  return mutants.filter(({ status }) => statuses.includes(status)).length;
}

/** Mutants that a test noticed, of all that could run, in percent. */
export function scorePercent(mutants: readonly Mutant[]): number {
  const detected = count(mutants, "Killed", "Timeout");
  return (100 * detected) / (detected + count(mutants, "Survived", "NoCoverage"));
}

/**
 * The report with the results of this run in place of what it said of those files. What somebody wrote behind a survivor
 * stays there for as long as the same change survives. Files that are no target any more are dropped.
 */
export function updateReport(report: string, results: readonly Result[], files: readonly string[]): string {
  const entries = new Map(files.map((file) => [file, readEntry(report, file)]));
  for (const result of results) entries.set(result.file, toEntry(result, entries.get(result.file)?.survivors ?? []));
  const known = [...entries.values()].filter((entry) => entry !== undefined);
  return `# Mutation testing

Written by \`npm run mutate [-- <file> ...]\` (${stryker}, Node ${process.version}). Each mutant is the file with one change:
an operator, a condition, a constant, a call left out. The file's own tests are run on it and have to fail. At least
${minScorePercent} % of them must; the command fails below that.

| file | mutants | killed | timed out | survived | score % |
| --- | ---: | ---: | ---: | ---: | ---: |
${known.map(({ row }) => row).join("\n")}

## Survivors

Each with the reason why no test can tell it from the program, or why none should.

${known.flatMap(({ survivors }) => survivors).join("\n")}
`;
}

function readEntry(report: string, file: string): Entry | undefined {
  const lines = report.split("\n");
  const row = lines.find((line) => line.startsWith(`| \`${file}\` |`));
  return row === undefined ? undefined : { row, survivors: lines.filter((line) => line.startsWith(`- \`${file}:`)) };
}

function toEntry({ file, source, mutants }: Result, before: readonly string[]): Entry {
  const survived = count(mutants, "Survived", "NoCoverage");
  const figures = [mutants.length, count(mutants, "Killed"), count(mutants, "Timeout"), survived];
  const reasons = before.map((line) => /^- `[^`]*:\d+` (?<change>.*?)(?<reason>: [^`]*)?$/.exec(line)?.groups ?? {});
  return {
    row: `| \`${file}\` | ${figures.join(" | ")} | ${scorePercent(mutants).toFixed(1)} |`,
    survivors: mutants
      .filter(({ status }) => status === "Survived" || status === "NoCoverage")
      .map(({ location, replacement }) => {
        const change = `\`${toLine(cut(source, location))}\` → \`${toLine(replacement)}\``;
        const known = reasons.findIndex((one) => one["change"] === change);
        const [reason] = known === -1 ? [] : reasons.splice(known, 1);
        return `- \`${file}:${location.start.line}\` ${change}${reason?.["reason"] ?? ""}`;
      }),
  };
}

function cut(source: string, { start, end }: Mutant["location"]): string {
  const lines = source.split("\n").slice(start.line - 1, end.line);
  const last = lines.length - 1;
  lines[last] = (lines[last] ?? "").slice(0, end.column - 1);
  lines[0] = (lines[0] ?? "").slice(start.column - 1);
  return lines.join("\n");
}

/** Fit for one line of Markdown. */
function toLine(code: string): string {
  const line = code.replaceAll("`", "'").replaceAll(/\s+/g, " ");
  return line.length <= codeLimit ? line : `${line.slice(0, codeLimit)}…`;
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((file) => !Object.values(reports).some((targets) => file in targets));
  if (unknown.length > 0) throw new Error(`not a target: ${unknown.join(", ")}`);
  // Held for the whole run, so that no mutant waits for PostgreSQL to start.
  await globalSetup();
  for (const [page, targets] of Object.entries(reports)) {
    for (const [file, tests] of Object.entries(targets)) {
      if (wanted.length > 0 && !wanted.includes(file)) continue;
      const result = await mutate(file, tests);
      const score = scorePercent(result.mutants);
      console.log(`${score.toFixed(1).padStart(5)} %  ${file}, ${result.mutants.length} mutants`);
      if (score < minScorePercent) process.exitCode = 1;
      const path = join(repositoryRoot, page);
      const known = existsSync(path) ? readFileSync(path, "utf8") : "";
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, updateReport(known, [result], Object.keys(targets)));
    }
  }
  await globalTeardown();
}
