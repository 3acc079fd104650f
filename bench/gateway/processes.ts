import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";

const stopTimeoutMs = 20_000;
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Starts a program on one core, or with all of them. Its stderr goes to ours; its children stay on the core. */
export function spawnPinned(
  core: number | "all",
  command: string,
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly isQuiet?: boolean } = {},
): ChildProcess {
  const pinned = core === "all" ? [] : ["taskset", "--cpu-list", String(core)];
  const [program = command, ...given] = [...pinned, command, ...args];
  return spawn(program, given, {
    stdio: ["ignore", "pipe", options.isQuiet ? "ignore" : "inherit"],
    env: { ...process.env, ...options.env },
  });
}

/** From now on a process that runs already, with all its threads, has that core alone. */
export function moveTo(core: number, id: number): void {
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", String(core), String(id)]);
}

/** Resolves with the first line that a program prints; rejects when it ends before. */
export async function readFirstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("the program's stdout is not piped");
  let text = "";
  for await (const bytes of child.stdout) {
    text += String(bytes);
    const [line, rest] = text.split("\n");
    if (rest !== undefined) return line ?? "";
  }
  throw new Error(`${child.spawnargs.join(" ")} ended without a word`);
}

/** Ends a process that we started, by force if it takes too long. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const limit = new AbortController();
  const force = delay(systemClock, stopTimeoutMs, limit.signal).then(
    () => child.kill("SIGKILL"),
    () => undefined,
  );
  await exited;
  limit.abort();
  await force;
}

/** A process and all that descend from it, without the trees under `exceptIds`. */
function listTree(rootId: number, exceptIds: readonly number[]): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? readStat(Number(name))?.parentId : undefined;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree: number[] = [];
  for (const queue = [rootId]; queue.length > 0; ) {
    const next = queue.pop() ?? rootId;
    if (exceptIds.includes(next)) continue;
    tree.push(next);
    queue.push(...(children.get(next) ?? []));
  }
  return tree;
}

/** What a process tree has used. */
export interface Usage {
  /** In user and kernel since it started, children that ended included. */
  readonly cpuSeconds: number;
  /** Now. Pages that processes share are counted for each. */
  readonly residentBytes: number;
}

/** The usage of a process and its descendants, those under `exceptIds` left out. */
export function readUsage(rootId: number, exceptIds: readonly number[] = []): Usage {
  const tree = listTree(rootId, exceptIds);
  const ticks = tree.reduce((sum, id) => sum + (readStat(id)?.ticks ?? 0), 0);
  const residentBytes = tree.reduce((sum, id) => sum + readStatusKib(id, "VmRSS") * 1024, 0);
  return { cpuSeconds: ticks / ticksPerSecond, residentBytes };
}

/** Of several processes together. */
export function sumUsage(usages: readonly Usage[]): Usage {
  return usages.reduce(
    (sum, usage) => ({
      cpuSeconds: sum.cpuSeconds + usage.cpuSeconds,
      residentBytes: sum.residentBytes + usage.residentBytes,
    }),
    { cpuSeconds: 0, residentBytes: 0 },
  );
}

/** CPU seconds of the whole machine, idling left out. */
export function readMachineCpuSeconds(): number {
  // The line `cpu user nice system idle iowait irq softirq …` (proc(5)). The kernel charges interrupts, and with them the
  // network's work, to the process that they interrupt as well.
  const fields = readFileSync("/proc/stat", "latin1").split("\n")[0]?.split(/ +/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0] = fields;
  return (user + nice + system + interrupts + softInterrupts) / ticksPerSecond;
}

function readStat(id: number): { readonly parentId: number; readonly ticks: number } | undefined {
  try {
    // The name in parentheses may hold anything, so the fields are counted from behind it: `state ppid …` (proc(5)).
    const fields = readFileSync(`/proc/${id}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ")
      .map(Number);
    const [userTicks = 0, systemTicks = 0, childUserTicks = 0, childSystemTicks = 0] = fields.slice(11, 15);
    return { parentId: fields[1] ?? 0, ticks: userTicks + systemTicks + childUserTicks + childSystemTicks };
  } catch {
    return undefined;
  }
}

function readStatusKib(id: number, field: string): number {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${id}/status`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
