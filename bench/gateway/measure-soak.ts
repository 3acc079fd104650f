import { readFileSync } from "node:fs";
import { join } from "node:path";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { type Load, runLoad } from "./measure.ts";
import { medianOf } from "./report.ts";
import { type System, startLyssWatched } from "./systems.ts";
import type { Second } from "./watch-process.ts";

/** A stretch of the run. */
export interface Stretch {
  /** Calls since the start, at its end. */
  readonly calls: number;
  readonly callsPerSecond: number;
  /** Medians of its seconds. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly loopDelayP50: number;
  readonly loopDelayP99: number;
}

export interface SoakResult {
  readonly stretches: readonly Stretch[];
  readonly calls: number;
  /** What the wallet lost, and what that many calls cost by themselves. */
  readonly spentNanos: bigint;
  readonly expectedNanos: bigint;
}

const connections = 64;
const stretchCount = 20;
const quietMs = 3_000;
const pollMs = 500;

/** Calls at saturation until `calls` of them were answered, all services in the process; then the wallet must be what they cost. */
export async function measureSoak(load: Load, mockPort: number, calls: number, folder: string): Promise<SoakResult> {
  const file = join(folder, "seconds.jsonl");
  const system = await startLyssWatched(file)(mockPort);
  try {
    const startNanos = await readBalance(system);
    // All calls are alike: each costs what the first one did.
    await runLoad(load, system, ["--requests", "1", "--connections", "1"]);
    const costNanos = startNanos - (await untilSettled(system));
    const stretches: Stretch[] = [];
    let done = 1;
    while (done < calls) {
      const wanted = Math.min(Math.ceil(calls / stretchCount), calls - done);
      const linesBefore = readSeconds(file).length;
      const args = ["--requests", String(wanted), "--connections", String(Math.min(connections, wanted))];
      const { completed, perSecond } = await runLoad(load, system, args);
      done += completed;
      const seconds = readSeconds(file).slice(linesBefore);
      const median = (pick: (second: Second) => number) => medianOf(seconds.map(pick));
      const stretch = {
        calls: done,
        callsPerSecond: perSecond,
        residentBytes: median((second) => second.residentBytes),
        heapBytes: median((second) => second.heapBytes),
        loopDelayP50: median((second) => second.loopDelayP50),
        loopDelayP99: median((second) => second.loopDelayP99),
      };
      console.log(JSON.stringify(stretch));
      stretches.push(stretch);
    }
    const spentNanos = startNanos - (await untilSettled(system));
    return { stretches, calls: done, spentNanos, expectedNanos: costNanos * BigInt(done) };
  } finally {
    await system.stop();
  }
}

function readSeconds(file: string): readonly Second[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** Available and held, in nanos. */
async function readBalance({ port, headers }: System): Promise<bigint> {
  const pairs = headers.map((header) => header.split(": ") as [string, string]);
  const res = await fetch(`http://127.0.0.1:${port}/v1/billing/balance`, { headers: Object.fromEntries(pairs) });
  if (!res.ok) throw new Error(`the balance cannot be read: ${res.status}`);
  const { balance_nanos } = (await res.json()) as { balance_nanos: string };
  return BigInt(balance_nanos);
}

/** The balance once it has not moved for `quietMs`. */
async function untilSettled(system: System): Promise<bigint> {
  let balance = await readBalance(system);
  for (let sinceMs = 0; sinceMs < quietMs; ) {
    await delay(systemClock, pollMs);
    const next = await readBalance(system);
    sinceMs = next === balance ? sinceMs + pollMs : 0;
    balance = next;
  }
  return balance;
}
