import { readFileSync, writeFileSync } from "node:fs";

/**
 * How far a process's memory rises while `work` is done: its peak beyond what it holds now, in bytes (Linux: proc(5), VmHWM). The engine
 * lets its heap grow as it likes, so what has been done once before says more.
 */
export async function riseOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const field = (name: string) =>
    1_024 * Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  // Forgets the peak until now.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const before = field("VmRSS");
  await work();
  return field("VmHWM") - before;
}
