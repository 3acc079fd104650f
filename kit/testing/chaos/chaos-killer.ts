import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { type Clock, delay } from "../../service/clock.ts";
import { createDraws } from "./chaos-seed.ts";

export interface ChaosKillerOptions {
  readonly seed: number;
  readonly clock: Clock;
  /** Starts the program, and resolves when it is at the work that shall be broken off. */
  readonly start: () => ChildProcess | Promise<ChildProcess>;
  readonly kills: number;
  /** A process lives for a time drawn between these two after `start` has resolved. */
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Starts a program and kills it with signal 9 at a drawn moment, `kills` times over. Resolves with the moments, each in
 * milliseconds from its start; none of the processes is left. Rejects when one ends before it is killed.
 */
export async function killAgainAndAgain(options: ChaosKillerOptions): Promise<readonly number[]> {
  const { clock, kills, minMs, maxMs } = options;
  const draws = createDraws(options.seed, "kills");
  const moments: number[] = [];
  while (moments.length < kills) {
    const child = await options.start();
    const afterMs = draws.between(minMs, maxMs);
    await delay(clock, afterMs);
    await killNow(child);
    moments.push(afterMs);
  }
  return moments;
}

/** kill -9; resolves when the process is gone. Rejects when it had ended by itself. */
export async function killNow(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  if (child.signalCode !== "SIGKILL") {
    throw new Error(`${child.spawnargs.join(" ")} had ended by itself: ${child.signalCode ?? child.exitCode}`);
  }
}
