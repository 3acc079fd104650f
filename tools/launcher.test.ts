import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { repositoryRoot } from "./source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "lyss-launcher-"));
after(() => rmSync(folder, { recursive: true }));

/** A tree with our bin/lyss and a small platform, with or without an installed Node. */
function createTree(name: string, hasInstalledNode: boolean): string {
  const root = join(folder, name);
  for (const path of ["bin", "apps/platform"]) mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  copyFileSync(join(repositoryRoot, "bin/lyss"), join(root, "bin/lyss"));
  const platform = `
    const [command]: string[] = process.argv.slice(2);
    if (command === "exit") process.exitCode = 7;
    if (command === "abort") process.kill(process.pid, "SIGKILL");
    if (command === "wait") {
      const timer = setInterval(() => {}, 1_000);
      process.on("SIGTERM", () => {
        clearInterval(timer);
        process.exitCode = 9;
      });
    }
    console.log(JSON.stringify([process.ppid, process.argv.slice(2)]));`;
  writeFileSync(join(root, "apps/platform/main.ts"), platform);
  if (hasInstalledNode) {
    const system = process.platform === "win32" ? "win" : process.platform;
    const packageFolder = join(root, `node_modules/node-${system}-${process.arch}/bin`);
    mkdirSync(packageFolder, { recursive: true });
    symlinkSync(process.execPath, join(packageFolder, process.platform === "win32" ? "node.exe" : "node"));
  }
  return join(root, "bin/lyss");
}

const launcher = createTree("installed", true);
/** Makes any Node one that cannot run TypeScript. */
const oldNode = "--no-strip-types";

test("a Node that understands TypeScript runs the platform itself", () => {
  const { stdout, status } = spawnSync(process.execPath, [launcher, "up", "--run", "a b"], { encoding: "utf8" });
  assert.deepEqual(JSON.parse(stdout), [process.pid, ["up", "--run", "a b"]]);
  assert.equal(status, 0);
});

test("another Node hands over to the installed one, with arguments and exit code", () => {
  const { stdout, status, pid } = spawnSync(process.execPath, [oldNode, launcher, "exit", "--x=1"], {
    encoding: "utf8",
  });
  assert.deepEqual(JSON.parse(stdout), [pid, ["exit", "--x=1"]]);
  assert.equal(status, 7);
});

test("a platform that was killed looks killed from outside", () => {
  const { signal } = spawnSync(process.execPath, [oldNode, launcher, "abort"]);
  assert.equal(signal, "SIGKILL");
});

test("a signal reaches the platform, and its answer is ours", async () => {
  const child = spawn(process.execPath, [oldNode, launcher, "wait"], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [9, null]);
});

test("without a suitable Node the message says what to do, in the reader's language", () => {
  const bare = createTree("bare", false);
  const say = (language: string) => {
    const env = { ...process.env, LC_ALL: language };
    return spawnSync(process.execPath, [oldNode, bare, "up"], { encoding: "utf8", env });
  };
  assert.equal(say("C").status, 1);
  assert.match(say("C").stderr, /needs Node 26 or later.*npm install/);
  assert.match(say("zh_CN.UTF-8").stderr, /需要 Node 26/);
});
