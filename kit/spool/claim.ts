import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const ownerFile = "owner";
const folderPattern = /^\d{1,4}$/;
const maxFolders = 1_000;

/** What this process owns: another life of the same pid does not know it. */
const claimed = new Set<string>();

/**
 * Takes the first folder `<root>/1`, `<root>/2`, … that no living process has. Throws an Error when there are 1,000. What
 * lies in it from an owner that died now belongs to this process.
 */
export function claimFolder(root: string): string {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (let number = 1; number <= maxFolders; number++) {
    const folder = join(root, String(number));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (tryClaim(folder)) return folder;
  }
  throw new Error(`${root} has ${maxFolders} folders, each of a living process`);
}

/** Takes every folder whose owner is dead. */
export function claimOrphans(root: string): readonly string[] {
  return readdirSync(root)
    .filter((name) => folderPattern.test(name))
    .map((name) => join(root, name))
    .filter((folder) => tryClaim(folder));
}

/** Gives a folder up; the next process may take it. */
export function releaseFolder(folder: string): void {
  claimed.delete(folder);
  rmSync(join(folder, ownerFile), { force: true });
}

function tryClaim(folder: string): boolean {
  if (claimed.has(folder)) return false;
  const path = join(folder, ownerFile);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const descriptor = openSync(path, "wx", 0o600);
      writeSync(descriptor, describeProcess(process.pid) ?? String(process.pid));
      closeSync(descriptor);
      claimed.add(folder);
      return true;
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
      const owner = readOwner(path);
      if (isAlive(owner) || !bury(path, owner)) return false;
    }
  }
  return false;
}

/** Takes a dead owner's file away. False when it was another's by then: who came first has it back. */
function bury(path: string, owner: string): boolean {
  const grave = `${path}.${process.pid}`;
  try {
    renameSync(path, grave);
    const isDead = readOwner(grave) === owner;
    if (!isDead) linkSync(grave, path);
    rmSync(grave);
    return isDead;
  } catch {
    return false;
  }
}

/** Empty when the owner died before it had said who it is. */
function readOwner(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isAlive(owner: string): boolean {
  const pid = Number.parseInt(owner, 10);
  if (!(pid > 0)) return false;
  const now = describeProcess(pid);
  if (now !== undefined) return now === owner;
  // Without /proc a pid is all there is to go by. Our own one is that of a former life.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The process's pid and when it started, so that a pid that is used again is told apart (proc(5), `starttime`). */
function describeProcess(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it, in parentheses, may hold anything.
    const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${pid} ${startTicks}`;
  } catch {
    return undefined;
  }
}
