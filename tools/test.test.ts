import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { toolEnvironment } from "./run-tool.ts";
import { repositoryRoot } from "./source-tree.ts";
import { selectTestFiles } from "./test.ts";

const paths = ["bench/a.test.ts", "kit/a.ts", "kit/b.test.ts", "kit/c/d.db.test.ts", "tests/peers/e.test.ts"];

test("without a place every test runs but benchmarks and what needs programs from outside", () => {
  assert.deepEqual(selectTestFiles(paths, []), ["kit/b.test.ts", "kit/c/d.db.test.ts"]);
});

test("a place is a file or a folder, and each test runs once", () => {
  assert.deepEqual(selectTestFiles(paths, ["kit/c"]), ["kit/c/d.db.test.ts"]);
  assert.deepEqual(selectTestFiles(paths, ["kit/b.test.ts", "kit"]), ["kit/b.test.ts", "kit/c/d.db.test.ts"]);
  assert.deepEqual(selectTestFiles(paths, ["tests/peers"]), ["tests/peers/e.test.ts"]);
});

test("a place without tests is an error, never a run of nothing", () => {
  assert.throws(() => selectTestFiles(paths, ["kit/a.ts"]), /no test file at kit\/a\.ts/);
  assert.throws(() => selectTestFiles(paths, ["kit/c/d"]), /no test file at kit\/c\/d/);
});

/** Runs the runner as a person would. */
function runTests(...args: readonly string[]) {
  // A test process that sees this variable takes itself for a child of this run and does nothing.
  const env = { ...toolEnvironment, NODE_TEST_CONTEXT: undefined };
  const { status, stdout } = spawnSync(process.execPath, ["tools/test.ts", ...args], {
    cwd: repositoryRoot,
    env,
    encoding: "utf8",
  });
  return { status, lastLine: stdout.trim().split("\n").at(-1) };
}

test("the exit code and the last line say how it went", () => {
  const passing = join("tools", "graph.test.ts");
  assert.deepEqual(runTests(passing), { status: 0, lastLine: "2 passed, 0 failed" });
  assert.deepEqual(runTests(passing, "--name", "told in order"), { status: 0, lastLine: "1 passed, 0 failed" });
  assert.deepEqual(runTests(passing, "--name", "no test is called this"), {
    status: 1,
    lastLine: "0 passed, 0 failed",
  });
  assert.equal(runTests("nowhere").status, 2);
});
