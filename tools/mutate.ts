import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { runTool } from "./run-tool.ts";
import { repositoryRoot } from "./source-tree.ts";

/** What is mutated, each with the tests that have to notice. The tests are pure: they run once for each mutant. */
const targets: Readonly<Record<string, readonly string[]>> = {
  "kit/resilience/breaker.ts": ["kit/resilience/breaker.test.ts"],
  "kit/resilience/trip-rule.ts": ["kit/resilience/trip-rule.test.ts"],
  "kit/resilience/retry.ts": ["kit/resilience/retry.test.ts"],
  "kit/resilience/retry-budget.ts": ["kit/resilience/retry-budget.test.ts"],
  "kit/resilience/judge-error.ts": ["kit/resilience/judge-error.test.ts"],
  "kit/resilience/bulkhead.ts": ["kit/resilience/bulkhead.test.ts"],
  "kit/resilience/timeout.ts": ["kit/resilience/timeout.test.ts"],
};

const reportPath = "docs/kit/mutation.md";
// Fetched when it is asked for: 165 packages that nobody needs to run the platform or its tests.
const stryker = "@stryker-mutator/core@10.1.1";
const workFolder = ".lyss/stryker";
const minScorePercent = 95;
/** A mutant that loops is killed after this long on top of one and a half times what the tests usually take. */
const timeoutMs = 5_000;

/** The part of Stryker's report that is read (github.com/stryker-mutator/mutation-testing-elements, schema version 2). */
export interface Mutant {
  readonly status: "Killed" | "Timeout" | "Survived" | "NoCoverage" | "Ignored" | "CompileError" | "RuntimeError";
  readonly mutatorName: string;
  readonly replacement: string;
  readonly location: { readonly start: { readonly line: number } };
}

interface Result {
  readonly file: string;
  readonly mutants: readonly Mutant[];
}

/** Changes one file in every way that Stryker knows, and runs its tests on each change. */
async function mutate(file: string, tests: readonly string[]): Promise<Result> {
  const name = basename(file, ".ts");
  const reportFile = join(workFolder, `${name}.report.json`);
  const configFile = join(workFolder, `${name}.config.json`);
  const config = {
    testRunner: "command",
    commandRunner: { command: `node --test --test-isolation=none ${tests.join(" ")}` },
    mutate: [file],
    plugins: [],
    reporters: ["json"],
    jsonReporter: { fileName: reportFile },
    // The copy that is mutated needs nothing else; not in node_modules, where Node strips no types.
    ignorePatterns: ["**", "!package.json", "!kit/**/*.ts"],
    tempDirName: join(workFolder, name),
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
  return { file, mutants: report.files[file].mutants };
}

function count(mutants: readonly Mutant[], ...statuses: readonly Mutant["status"][]): number {
  return mutants.filter(({ status }) => statuses.includes(status)).length;
}

/** Mutants that a test noticed, of all that could run, in percent. */
export function scorePercent(mutants: readonly Mutant[]): number {
  const detected = count(mutants, "Killed", "Timeout");
  return (100 * detected) / (detected + count(mutants, "Survived", "NoCoverage"));
}

function toReport(results: readonly Result[]): string {
  const rows = results.map(({ file, mutants }) => {
    const survived = count(mutants, "Survived", "NoCoverage");
    const figures = [mutants.length, count(mutants, "Killed"), count(mutants, "Timeout"), survived];
    return `| \`${file}\` | ${figures.join(" | ")} | ${scorePercent(mutants).toFixed(1)} |`;
  });
  const survivors = results.flatMap(({ file, mutants }) =>
    mutants
      .filter(({ status }) => status === "Survived" || status === "NoCoverage")
      .map(({ location, mutatorName, replacement }) => {
        const text = replacement.replaceAll(/\s+/g, " ").slice(0, 100);
        return `- \`${file}:${location.start.line}\` ${mutatorName}: \`${text}\``;
      }),
  );
  return `# Mutation testing

Written by \`npm run mutate\` (${stryker}, Node ${process.version}, ${cpus().length} cores). Each mutant is the file with one
change: an operator, a condition, a constant, a call left out. The file's own tests are run on it and have to fail. At
least ${minScorePercent} % of them must; the command fails below that.

| file | mutants | killed | timed out | survived | score % |
| --- | ---: | ---: | ---: | ---: | ---: |
${rows.join("\n")}

## Survivors

${survivors.join("\n")}
`;
}

if (import.meta.main) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((file) => !Object.hasOwn(targets, file));
  if (unknown.length > 0) throw new Error(`not a target: ${unknown.join(", ")}`);
  const results: Result[] = [];
  for (const [file, tests] of Object.entries(targets)) {
    if (wanted.length > 0 && !wanted.includes(file)) continue;
    const result = await mutate(file, tests);
    const score = scorePercent(result.mutants);
    console.log(`${score.toFixed(1).padStart(5)} %  ${file}, ${result.mutants.length} mutants`);
    if (score < minScorePercent) process.exitCode = 1;
    results.push(result);
  }
  if (wanted.length === 0) {
    mkdirSync(join(repositoryRoot, "docs/kit"), { recursive: true });
    writeFileSync(join(repositoryRoot, reportPath), toReport(results));
  } else console.log(toReport(results));
}
