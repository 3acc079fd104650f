import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import type { LoadResult } from "../gateway/load-result.ts";
import { type Load, prepareLoad, runLoad } from "../gateway/measure.ts";
import { compile } from "../gateway/native.ts";
import { readFirstLine, spawnPinned, stop } from "../gateway/processes.ts";
import { loadCore, type StartSystem, type System, startLyssConfigured } from "../gateway/systems.ts";
import { describeOverload, judgeOverload, type Overload } from "./report-overload.ts";

const slots = 20;
const serviceMs = 200;
/** Calls a second that the provider carries. */
const capacity = (slots * 1_000) / serviceMs;
const connections = 200;
const sampleMs = 500;
const warmupCalls = 1_500;

interface Plan {
  readonly baselineSeconds: number;
  readonly overloadSeconds: number;
  readonly windowSeconds: number;
  readonly windows: number;
}

const fullPlan: Plan = { baselineSeconds: 15, overloadSeconds: 300, windowSeconds: 10, windows: 2 };
const quickPlan: Plan = { baselineSeconds: 5, overloadSeconds: 10, windowSeconds: 5, windows: 2 };

/** What keeps calls from a provider that has more than enough, each in turn: see docs/guides/resilience.md. */
const guards: Readonly<Record<string, object>> = {
  "places at the provider": {
    resilience: {
      policies: {
        "provider.mock": { bulkhead: { maxConcurrent: slots + 2, maxQueue: slots / 2, maxQueueMs: "500ms" } },
      },
    },
  },
  "requests under way": { loadShedding: { maxInFlight: slots } },
};

/** Scenarios R3 and R4: ten times what the provider carries for five minutes, then 0.8 of it. Fails where a figure is missed. */
export async function runOverload(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const seconds = Number(args[args.indexOf("--seconds") + 1]);
  const plan = isQuick ? quickPlan : args.includes("--seconds") ? { ...fullPlan, overloadSeconds: seconds } : fullPlan;
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-programs-"));
  try {
    const load = prepareLoad(compile("load", folder), folder);
    const measured: Overload[] = [];
    for (const [guard, config] of Object.entries(guards)) {
      measured.push({ guard, ...(await measureOverload(plan, load, startLyssConfigured(config))) });
    }
    const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`;
    const report = describeOverload({ machine, capacity, slots, serviceMs, seconds: plan.overloadSeconds, measured });
    console.log(report);
    if (!isQuick) writeFileSync(new URL("../results/scenario-r3.md", import.meta.url), report);
    const missed = measured.flatMap((one) => judgeOverload(one, capacity));
    if (missed.length > 0) throw new Error(`missed: ${missed.join("; ")}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measureOverload(plan: Plan, load: Load, start: StartSystem): Promise<Omit<Overload, "guard">> {
  const provider = spawnPinned(loadCore, process.execPath, [
    join(import.meta.dirname, "slots-provider.ts"),
    String(slots),
    String(serviceMs),
  ]);
  try {
    const port = Number(/^listening (\d+)$/.exec(await readFirstLine(provider))?.[1]);
    const system = await start(port);
    try {
      const offer = (share: number, seconds: number) => runAt(load, system, share * capacity, seconds);
      await offer(0.9, warmupCalls / capacity);
      const baseline = await offer(0.5, plan.baselineSeconds);
      const before = residentBytes(system);
      const memory = watchMemory(system);
      const overload = await offer(10, plan.overloadSeconds);
      const peakBytes = await memory.stop();
      const after: LoadResult[] = [];
      for (let window = 0; window < plan.windows; window++) after.push(await offer(0.8, plan.windowSeconds));
      return { baseline, overload, after, memoryRiseBytes: peakBytes - before };
    } finally {
      await system.stop();
    }
  } finally {
    await stop(provider);
  }
}

function runAt(load: Load, system: System, rate: number, seconds: number): Promise<LoadResult> {
  const args = ["--seconds", String(seconds), "--rate", String(rate), "--connections", String(connections)];
  return runLoad(load, system, [...args, "--rejects", "503"]).then((result) => {
    console.log(JSON.stringify(result));
    return result;
  });
}

function residentBytes(system: System): number {
  return system.measure()["platform"]?.residentBytes ?? Number.NaN;
}

/** The most memory that the platform has until it is stopped. */
function watchMemory(system: System) {
  const ended = new AbortController();
  let most = 0;
  const watching = (async () => {
    while (!ended.signal.aborted) {
      most = Math.max(most, residentBytes(system));
      await delay(systemClock, sampleMs, ended.signal).catch(() => undefined);
    }
  })();
  return {
    async stop(): Promise<number> {
      ended.abort();
      await watching;
      return most;
    },
  };
}
