import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { globalSetup, globalTeardown } from "@lyss/kit/testing/global-setup.ts";
import { type Group, reports } from "./mutation-targets.ts";
import { runTool } from "./run-tool.ts";
import { repositoryRoot } from "./source-tree.ts";

// Fetched when it is asked for: 165 packages that nobody needs to run the platform or its tests.
const stryker = "@stryker-mutator/core@10.1.1";
const workFolder = ".lyss/stryker";
/** What one package of ours imports of another is the copy that is mutated, too. */
const linkPackages = `[ -e node_modules ] || (mkdir node_modules && cp -RP "${join(repositoryRoot, "node_modules", "@lyss")}" node_modules/)`;
/** Every mutant is in the same text, and which one is meant is told in the environment: it is compiled once. */
const compileCache = `NODE_COMPILE_CACHE="${join(repositoryRoot, workFolder, "compiled")}"`;
/**
 * A mutant that loops is killed after this long on top of one and a half times what the tests usually take. So long that a machine with
 * other work is not taken for a loop, which would count as noticed.
 */
const timeoutMs = 15_000;
/** A test that waits for what never comes has failed; Node itself would wait for ever. */
const testTimeoutMs = 5_000;
/** The first test that fails is enough. */
const reporter = `data:text/javascript,export default async function*(events){for await(const{type}of events)if(type==="test:fail")process.exit(1)}`;
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

/** What the report says of one file. */
interface Entry {
  readonly mutants: number;
  readonly killed: number;
  readonly timedOut: number;
  /** A line for each mutant that survived. */
  readonly survivors: readonly string[];
}

/** How the reason of a survivor begins that is the same program: it does not count. */
const equivalentMark = ": equivalent: ";

function testCommand(tests: readonly string[]): string {
  // A database is dropped behind the last test of its file.
  const isEndedEarly = !tests.some(needsDatabase);
  const options = ["--test-isolation=none", `--test-timeout=${testTimeoutMs}`];
  return ["node --test", ...options, ...(isEndedEarly ? [`--test-reporter='${reporter}'`] : []), ...tests].join(" ");
}

function needsDatabase(test: string): boolean {
  return test.endsWith(".db.test.ts");
}

/** Changes one file in every way that Stryker knows, and runs its tests on each change. */
async function mutate(file: string, tests: readonly string[], concurrency: number): Promise<Result> {
  const name = file.replaceAll("/", "-").replace(/\.ts$/, "");
  const reportFile = join(workFolder, `${name}.report.json`);
  const configFile = join(workFolder, `${name}.config.json`);
  const config = {
    testRunner: "command",
    commandRunner: {
      command: `${linkPackages} && ${compileCache} ${testCommand(tests)}`,
    },
    mutate: [file],
    plugins: [],
    reporters: ["json"],
    jsonReporter: { fileName: reportFile },
    // The copy that is mutated needs nothing else; not in node_modules, where Node strips no types.
    ignorePatterns: ["**", "!package.json", "!kit/**", "!contracts/**", "!services/**", "!tests/**"],
    tempDirName: join(workFolder, name),
    // Linked whole, it would lead back to the packages as they are.
    symlinkNodeModules: false,
    concurrency,
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

/** Mutants that a test noticed, in percent of all that could run and are not the same program. */
export function scorePercent({ killed, timedOut, survivors }: Omit<Entry, "mutants">): number {
  const detected = killed + timedOut;
  return (100 * detected) / (detected + survivors.filter((line) => !line.includes(equivalentMark)).length);
}

/** What a group's table is made of: its files and how many of their mutants must be noticed. */
export interface ReportGroup {
  readonly title?: string;
  readonly minScorePercent: number;
  readonly files: readonly string[];
}

/**
 * The report with the results of this run in place of what it said of those files. What somebody wrote behind a survivor
 * stays there for as long as the same change survives. Files that are in no group any more are dropped.
 */
export function updateReport(report: string, results: readonly Result[], groups: readonly ReportGroup[]): string {
  const entries = readReport(report, groups);
  for (const result of results) entries.set(result.file, toEntry(result, entries.get(result.file)?.survivors ?? []));
  const scores = groups.map(({ title, minScorePercent }) => `${minScorePercent} %${title ? ` of "${title}"` : ""}`);
  return `# Mutation testing

Written by \`npm run mutate [-- [--concurrency <n>] [<file> ...]]\` (${stryker}, Node ${process.version}). Each mutant is the file with one change:
an operator, a condition, a constant, a call left out. The file's own tests are run on it and have to fail. At least
${scores.join(", and ")} must; the command fails below that. A mutant that is argued to be the same program is
counted as equivalent and not in the score.

${groups.map((group) => toTable(group, entries)).join("\n")}
## Survivors

Each with the reason why no test can tell it from the program, or why none should.

${[...entries.values()].flatMap(({ survivors }) => survivors).join("\n")}
`;
}

/** What a report says of each file, in the order of the groups. */
export function readReport(report: string, groups: readonly ReportGroup[]): Map<string, Entry> {
  const lines = report.split("\n");
  const entries = new Map<string, Entry>();
  for (const file of groups.flatMap(({ files }) => files)) {
    const row = lines.find((line) => line.startsWith(`| \`${file}\` |`));
    const [mutants = 0, killed = 0, timedOut = 0] = row?.split("|").slice(2).map(Number) ?? [];
    const survivors = lines.filter((line) => line.startsWith(`- \`${file}:`));
    if (row !== undefined) entries.set(file, { mutants, killed, timedOut, survivors });
  }
  return entries;
}

function toTable({ title, files }: ReportGroup, entries: ReadonlyMap<string, Entry>): string {
  const known = files.flatMap((file) => {
    const entry = entries.get(file);
    return entry ? [{ file, entry }] : [];
  });
  const sum = (of: (entry: Entry) => number) => known.reduce((total, { entry }) => total + of(entry), 0);
  const total: Entry = {
    ...{ mutants: sum(({ mutants }) => mutants), killed: sum(({ killed }) => killed) },
    ...{ timedOut: sum(({ timedOut }) => timedOut), survivors: known.flatMap(({ entry }) => entry.survivors) },
  };
  const rows = known.map(({ file, entry }) => toRow(`\`${file}\``, entry));
  return `${title ? `## ${title}\n\n` : ""}| file | mutants | killed | timed out | survived | equivalent | score % |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${[...rows, toRow("all", total)].join("\n")}
`;
}

function toRow(name: string, entry: Entry): string {
  const { mutants, killed, timedOut, survivors } = entry;
  const equivalent = survivors.filter((line) => line.includes(equivalentMark)).length;
  const figures = [mutants, killed, timedOut, survivors.length - equivalent, equivalent];
  return `| ${name} | ${figures.join(" | ")} | ${scorePercent(entry).toFixed(1)} |`;
}

function toEntry({ file, source, mutants }: Result, before: readonly string[]): Entry {
  const reasons = before.map((line) => /^- `[^`]*:\d+` (?<change>.*?)(?<reason>: [^`]*)?$/.exec(line)?.groups ?? {});
  return {
    ...{ mutants: mutants.length, killed: count(mutants, "Killed"), timedOut: count(mutants, "Timeout") },
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

function readPage(page: string): string {
  const path = join(repositoryRoot, page);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** Writes a page anew, and says what it comes to of each file of `results`. */
function writePage(page: string, groups: readonly Group[], results: readonly Result[]): void {
  const tables = groups.map(({ targets, ...group }) => ({ ...group, files: Object.keys(targets) }));
  const report = updateReport(readPage(page), results, tables);
  mkdirSync(dirname(join(repositoryRoot, page)), { recursive: true });
  writeFileSync(join(repositoryRoot, page), report);
  const entries = readReport(report, tables);
  for (const { file } of results) {
    const entry = entries.get(file);
    const least = tables.find(({ files }) => files.includes(file))?.minScorePercent ?? 100;
    if (!entry) continue;
    const score = scorePercent(entry);
    console.log(`${score.toFixed(1).padStart(5)} %  ${file}, ${entry.mutants} mutants`);
    if (score < least) process.exitCode = 1;
  }
}

if (import.meta.main) {
  const { values, positionals: wanted } = parseArgs({
    allowPositionals: true,
    options: {
      // Only writes the pages anew, after reasons were added.
      report: { type: "boolean", default: false },
      // How many mutants at a time.
      concurrency: { type: "string", default: String(availableParallelism()) },
    },
  });
  const all = Object.entries(reports);
  if (values.report) {
    for (const [page, groups] of all) writePage(page, groups, []);
    process.exit();
  }
  const isTarget = (file: string) => all.some(([, groups]) => groups.some(({ targets }) => file in targets));
  const unknown = wanted.filter((file) => !isTarget(file));
  if (unknown.length > 0) throw new Error(`not a target: ${unknown.join(", ")}`);
  const isWanted = (file: string) => wanted.length === 0 || wanted.includes(file);
  const targets = all.flatMap(([page, groups]) =>
    groups.flatMap(({ targets }) => Object.entries(targets).map(([file, tests]) => ({ page, groups, file, tests }))),
  );
  const chosen = targets.filter(({ file }) => isWanted(file));
  // Held for the whole run, so that no mutant waits for PostgreSQL to start.
  const hasDatabase = chosen.some(({ tests }) => tests.some(needsDatabase));
  if (hasDatabase) await globalSetup();
  for (const { page, groups, file, tests } of chosen) {
    writePage(page, groups, [await mutate(file, tests, Number(values.concurrency))]);
  }
  if (hasDatabase) await globalTeardown();
}
