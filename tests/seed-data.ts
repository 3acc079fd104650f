import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";

/** Where a run of many test files keeps the data of one first start; empty in a short run, which would not gain by it. */
const seedDir = process.env["TEST_SEED_DIR"] ?? "";

/**
 * Puts into an empty folder what a first start with the usual configuration leaves behind: preparing a database takes as long
 * as the rest of a start. Does nothing in a short run.
 */
export async function copySeedData(dataDir: string): Promise<void> {
  if (seedDir === "") return;
  const data = join(seedDir, "data");
  const done = join(seedDir, "done");
  if (claim(join(seedDir, "claimed"))) {
    await startOnce(data);
    writeFileSync(done, "");
  }
  await waitUntil(async () => existsSync(done));
  // Not by `fs.cp`: the database's files belong to another user when we are root.
  execFileSync("cp", ["-a", `${data}/.`, dataDir]);
}

/** True for one process of the run. */
function claim(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

async function startOnce(dataDir: string): Promise<void> {
  mkdirSync(dataDir);
  const lyss = fileURLToPath(new URL("../bin/lyss", import.meta.url));
  const env = {
    PATH: process.env["PATH"] ?? "",
    LYSS_HTTP_PORT: "0",
    LYSS_DATA_DIR: dataDir,
    LYSS_HTTP_CONSOLE: "false",
  };
  const child = spawn(process.execPath, [lyss, "up"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) if (line.includes("Lyss is ready at")) break;
  child.kill("SIGTERM");
  await exited;
}
