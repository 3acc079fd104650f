import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** What this process owns: another life of the same pid does not know it. */
const owned = new Set<string>();
let lastNumber = 0;

/**
 * Makes a folder `<root>/<pid>-<start>-<number>` that is this process's as long as it lives. That its name says whose it is makes
 * each step of owning a single one for the file system: no moment is between being made and being owned.
 */
export function createOwnFolder(root: string): string {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (;;) {
    const folder = join(root, nextName());
    try {
      mkdirSync(folder, { mode: 0o700 });
      owned.add(folder);
      return folder;
    } catch (err) {
      // Of a former life of this pid, where nothing tells them apart.
      if ((err as NodeJS.ErrnoException).code !== "EEXIST") throw err;
    }
  }
}

/** Makes every folder this process's whose owner is dead: of several that try one gets it. Gives them by their new names. */
export function takeOrphans(root: string): readonly string[] {
  const living = new Map<number, string>();
  return readdirSync(root)
    .sort()
    .filter((name) => isOrphan(root, name, living))
    .flatMap((name) => {
      const folder = join(root, nextName());
      try {
        renameSync(join(root, name), folder);
      } catch (err) {
        const { code } = err as NodeJS.ErrnoException;
        // Another process was first, or a former life of this pid has a folder of the new name: then the next look takes it.
        if (code === "ENOENT" || code === "ENOTEMPTY" || code === "EEXIST") return [];
        throw err;
      }
      owned.add(folder);
      return [folder];
    });
}

/** Gives a folder up: it goes when it is empty, else whoever looks next in this process, or when this one is dead, takes it. */
export function releaseFolder(folder: string): void {
  owned.delete(folder);
  try {
    rmdirSync(folder);
  } catch {
    // Whatever keeps it there, it is found again.
  }
}

function nextName(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${++lastNumber}`;
}

function isOrphan(root: string, name: string, living: Map<number, string>): boolean {
  const [, pidText, start = ""] = /^(\d+)-(\d+)-\d+$/.exec(name) ?? [];
  if (!pidText) return false;
  const pid = Number(pidText);
  let now = living.get(pid);
  if (now === undefined) {
    now = isAlive(pid) ? (startOf(pid) ?? "0") : "";
    living.set(pid, now);
  }
  return now !== start || (pid === process.pid && !owned.has(join(root, name)));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When a process started, so that a pid that is used again is told apart (proc(5), `starttime`); undefined without /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it, in parentheses, may hold anything.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
