import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { findBreakingChanges, lintContracts } from "./contracts.ts";

const folder = mkdtempSync(join(tmpdir(), "lyss-contracts-test-"));
after(() => rmSync(folder, { recursive: true }));

const bin = 'syntax = "proto3";\npackage lyss.bin.v1;\nmessage Bin {\n  string bin_id = 1;\n  string name = 2;\n}\n';
const binWithoutName = bin.replace("  string name = 2;\n", "");
const binWithColour = bin.replace("}", "  string colour = 3;\n}");

function git(root: string, ...args: readonly string[]): void {
  execFileSync("git", ["-c", "user.name=Test", "-c", "user.email=test@example.org", ...args], { cwd: root });
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const writeBin = (root: string, text: string) => write(root, "contracts/proto/lyss/bin/v1/bin.proto", text);

/** A repository whose branch main has one contract. */
function createRepository(name: string): string {
  const root = join(folder, name);
  write(root, "contracts/buf.yaml", "version: v2\nmodules:\n  - path: proto\nbreaking:\n  use:\n    - FILE\n");
  writeBin(root, bin);
  git(root, "init", "--quiet", "--initial-branch=main");
  git(root, "add", ".");
  git(root, "commit", "--quiet", "--message=first");
  return root;
}

test("a field taken away is a breaking change, a field added is none", async () => {
  const root = createRepository("branch");
  git(root, "switch", "--quiet", "--create=topic");
  writeBin(root, binWithColour);
  assert.equal((await findBreakingChanges(root))?.isSuccess, true);
  writeBin(root, binWithoutName);
  git(root, "commit", "--quiet", "--all", "--message=second");
  const result = await findBreakingChanges(root);
  assert.equal(result?.isSuccess, false);
  assert.match(result?.output ?? "", /field "2" with name "name"/);
});

test("what main has gained since does not count against a branch", async () => {
  const root = createRepository("behind");
  git(root, "branch", "topic");
  writeBin(root, binWithColour);
  git(root, "commit", "--quiet", "--all", "--message=second");
  git(root, "switch", "--quiet", "topic");
  assert.equal((await findBreakingChanges(root))?.isSuccess, true);
});

test("a clone with nothing but origin's main compares with that", async () => {
  const origin = createRepository("origin");
  const clone = join(folder, "clone");
  git(folder, "clone", "--quiet", origin, clone);
  git(clone, "switch", "--quiet", "--detach");
  git(clone, "branch", "--quiet", "--delete", "--force", "main");
  writeBin(clone, binWithoutName);
  assert.equal((await findBreakingChanges(clone))?.isSuccess, false);
});

test("without a main that has contracts there is nothing to compare with", async () => {
  const root = createRepository("other");
  git(root, "branch", "--quiet", "--move", "trunk");
  assert.equal(await findBreakingChanges(root), undefined);
});

test("a contract against the style of the field is refused", async () => {
  const root = createRepository("style");
  assert.equal((await lintContracts(root)).isSuccess, true);
  writeBin(root, bin.replace("bin_id", "binId"));
  const result = await lintContracts(root);
  assert.equal(result.isSuccess, false);
  assert.match(result.output, /bin_id/);
});
