import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { parseArgs } from "node:util";
import { readSourceTree, repositoryRoot } from "./source-tree.ts";

const usage = `Usage: npm test -- [--name <pattern>] [<file or folder> ...]

Runs the tests of the given files and folders, or all of them. Those under tests/peers need programs from outside and
run only when they are named.

  --name <pattern>   only tests whose name matches this regular expression`;

/** What Node has compiled, kept where the platform keeps it: a third of what short tests compute. */
const compileCacheDir = join(repositoryRoot, "node_modules/.cache/lyss");

/** A file that hangs fails after this long instead of holding up the run. Scenarios in full may take an hour. */
const fileTimeoutMs = process.env["SCENARIO_FULL"] === "1" ? 3_600_000 : 300_000;

/** From so many files on that start platforms, tests/seed-data.ts makes data for all of them. */
const manyPlatforms = 4;

/** Test files under the given files and folders. Throws an Error for one that has none. */
export function selectTestFiles(paths: readonly string[], wanted: readonly string[]): readonly string[] {
  const tests = paths.filter((path) => path.endsWith(".test.ts"));
  if (wanted.length === 0) return tests.filter((path) => !/^(bench|tests\/peers)\//.test(path));
  const selected = wanted.flatMap((place) => {
    const under = tests.filter((path) => path === place || path.startsWith(`${place}/`) || place === "");
    if (under.length === 0) throw new Error(`no test file at ${place}`);
    return under;
  });
  return [...new Set(selected)];
}

if (import.meta.main) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { name: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help) console.log(usage);
    else runTests(positionals, values.name);
  } catch (err) {
    console.error(`${err instanceof Error ? err.message : err}\n\n${usage}`);
    process.exitCode = 2;
  }
}

/** Runs them in processes of their own and prints each result. The process then ends with 0 if all passed, and any ran. */
function runTests(places: readonly string[], namePattern: string | undefined): void {
  process.env["NODE_COMPILE_CACHE"] ??= compileCacheDir;
  process.env["TEST_FILE_TIMEOUT_MS"] ??= String(fileTimeoutMs);
  const wanted = places.map((place) => relative(repositoryRoot, resolve(place)));
  const paths = readSourceTree().map(({ path }) => path);
  const files = selectTestFiles(paths, wanted);
  if (files.filter((path) => path.startsWith("tests/")).length >= manyPlatforms) shareSeedData();
  const globalSetupPath = join(repositoryRoot, "kit/testing/global-setup.ts");
  const events = run({
    files: files.map((path) => join(repositoryRoot, path)),
    concurrency: availableParallelism(),
    execArgv: ["--import", import.meta.resolve("./end-test-file.ts")],
    ...(existsSync(globalSetupPath) && { globalSetupPath }),
    ...(namePattern !== undefined && { testNamePatterns: new RegExp(namePattern) }),
  });
  let passed = 0;
  let failed = 1;
  let filesWithoutTests = 0;
  events.on("test:pass", ({ name, file }) => {
    // A file in which no test ran is reported as one that passed, under the file's own name.
    if (name === file) filesWithoutTests++;
  });
  events.on("test:summary", ({ counts, success, file }) => {
    // Each file has its summary; the one without a file counts them all.
    if (file !== undefined) return;
    passed = counts.passed - filesWithoutTests;
    // A hook can fail while every test passes.
    failed = Math.max(counts.tests - counts.passed - counts.skipped - counts.todo, success ? 0 : 1);
  });
  const report = events.compose(new spec());
  report.pipe(process.stdout);
  report.on("end", () => {
    if (passed === 0) console.log("\nno test passed");
    console.log(`\n${passed} passed, ${failed} failed`);
    process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
  });
}

/** A folder for tests/seed-data.ts, removed at the end. */
function shareSeedData(): void {
  const dir = mkdtempSync(join(tmpdir(), "lyss-seed-"));
  process.env["TEST_SEED_DIR"] = dir;
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
}
