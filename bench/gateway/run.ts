import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { type Load, measureRound, type Plan, prepareLoad, type RoundResult } from "./measure.ts";
import { measureStages } from "./measure-stages.ts";
import { compile } from "./native.ts";
import { readFirstLine, spawnPinned, stop } from "./processes.ts";
import { describeRun, medianRound, type Report, writeMarkdown, writeStages } from "./report.ts";
import {
  canStartLyss,
  loadCore,
  repositoryRoot,
  type StartSystem,
  startDirect,
  startLyss,
  startLyssPair,
  startNginx,
  systemNames,
} from "./systems.ts";

const fullPlan: Plan = {
  rounds: 5,
  warmupSeconds: 2,
  saturationSeconds: 5,
  latencySeconds: 4,
  connections: 64,
  lightRate: 250,
  streams: 1_000,
  chunksPerStream: 30,
  chunkIntervalMs: 200,
};

const quickPlan: Plan = {
  ...fullPlan,
  rounds: 1,
  warmupSeconds: 0.5,
  saturationSeconds: 1.5,
  latencySeconds: 1,
  chunksPerStream: 10,
};

/** A round in which other programs took more of the machine than this is repeated. */
const disturbanceLimit = 0.03;
const attemptsPerRound = 3;

/**
 * Measures direct, nginx, and Lyss with one gateway process and with two in one run and writes `results/gateway.md` and `.json` (`gateway-quick` with --quick).
 * Every process it starts has ended when it resolves or rejects.
 */
export async function runGatewayBench(args: readonly string[]): Promise<void> {
  if (platform() !== "linux" || cpus().length < 2) throw new Error("this needs Linux and two cores");
  const unknown = args.find((arg) => arg !== "--quick" && arg !== "--stages");
  if (unknown !== undefined) throw new Error(`there is no option ${unknown}; there are --quick and --stages`);
  const plan = args.includes("--quick") ? quickPlan : fullPlan;
  const command = ["npm run bench -- gateway", ...args].join(" ");
  const facts = describeRun(command, plan, new Date());
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-programs-"));
  try {
    if (args.includes("--stages")) {
      const { stages, callMicros } = await withMock(plan, folder, (load, port) => measureStages(load, port, folder));
      const markdown = writeStages({ ...facts, stages, callMicros });
      if (plan === fullPlan) writeFileSync(join(repositoryRoot, "bench/results/gateway-stages.md"), markdown);
      console.log(`\n${markdown}`);
      return;
    }
    const systems = await withMock(plan, folder, (load, port) => measureAll(plan, load, port));
    const name = plan === quickPlan ? "gateway-quick" : "gateway";
    writeReport(name, { ...facts, systems });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs the upstream that every system calls, while `work` goes on. */
async function withMock<T>(plan: Plan, folder: string, work: (load: Load, port: number) => Promise<T>): Promise<T> {
  const load = prepareLoad(compile("load", folder), folder);
  const mockArgs = ["0", String(plan.chunksPerStream), String(plan.chunkIntervalMs * 1000)];
  const mock = spawnPinned(loadCore, compile("mock", folder), mockArgs);
  try {
    return await work(load, Number(/^listening (\d+)$/.exec(await readFirstLine(mock))?.[1]));
  } finally {
    await stop(mock);
  }
}

async function measureAll(plan: Plan, load: Load, port: number): Promise<Report["systems"]> {
  const starts: StartSystem[] = [startDirect, startNginx];
  if (canStartLyss()) starts.push(startLyss, startLyssPair);
  else console.log("Lyss itself cannot be started from this checkout and is left out.");
  const rounds = new Map<string, RoundResult[]>();
  for (let round = 0; round < plan.rounds; round++) {
    // Each round starts with another system, so that a drift of the machine hits all alike.
    for (const turn of starts.keys()) {
      const start = starts[(round + turn) % starts.length];
      if (start) await measureOne(plan, load, start, port, rounds);
    }
  }
  const ordered = systemNames.filter((name) => rounds.has(name));
  return Object.fromEntries(
    ordered.map((name) => [name, { median: medianRound(rounds.get(name) ?? []), rounds: rounds.get(name) ?? [] }]),
  );
}

/** One system's round; again, at most twice, when other programs were too busy. The quietest attempt counts. */
async function measureOne(
  plan: Plan,
  load: Load,
  start: StartSystem,
  mockPort: number,
  rounds: Map<string, RoundResult[]>,
): Promise<void> {
  let quietest: RoundResult | undefined;
  for (let attempt = 0; attempt < attemptsPerRound; attempt++) {
    const direct = await startDirect(mockPort);
    const system = await start(mockPort);
    try {
      const result = await measureRound(plan, load, system, direct);
      console.log(`${system.name.padEnd(6)} ${describeRound(result)}`);
      if (result.disturbance < (quietest?.disturbance ?? 1)) quietest = result;
    } finally {
      await system.stop();
    }
    if (!quietest || (quietest.disturbance > disturbanceLimit && attempt + 1 < attemptsPerRound)) continue;
    rounds.set(system.name, [...(rounds.get(system.name) ?? []), quietest]);
    return;
  }
}

function describeRound(result: RoundResult): string {
  const cpu = Object.entries(result.cpuMicrosPerCall).map(([part, micros]) => `${part} ${micros.toFixed(1)} µs/call`);
  const others = `others took ${(result.disturbance * 100).toFixed(0)} % of the machine`;
  return [`${result.callsPerSecond.toFixed(0)} calls/s`, ...cpu, others].join(", ");
}

function writeReport(name: string, report: Report): void {
  const folder = join(repositoryRoot, "bench/results");
  mkdirSync(folder, { recursive: true });
  const markdown = writeMarkdown(report);
  writeFileSync(join(folder, `${name}.md`), markdown);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`\n${markdown}`);
}
