import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { startGatewayApart } from "./gateway-apart.ts";
import { type Load, measureRound, type Plan, prepareLoad, type RoundResult } from "./measure.ts";
import { measureSoak } from "./measure-soak.ts";
import { measureStages } from "./measure-stages.ts";
import { measureStreamRound, type Pace, paces, type StreamRound } from "./measure-streams.ts";
import { compile } from "./native.ts";
import { findPortkey, portkeyPackage, startPortkeyAt, startSockets } from "./peers.ts";
import { readFirstLine, spawnPinned, stop } from "./processes.ts";
import { describeRun, medianRound, type Report, writeMarkdown, writeStages } from "./report.ts";
import { writeSoak } from "./report-soak.ts";
import { medianStreams, type StreamMedians, writeStreams } from "./report-streams.ts";
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
  // A gateway runs for days. After few calls Node has compiled half of what one runs through, and is at it on the same core: a call takes up
  // to twice as long. That goes by calls, not by seconds: of two processes each serves half of them.
  warmupCalls: 40_000,
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
  warmupCalls: 1_000,
  saturationSeconds: 1.5,
  latencySeconds: 1,
  chunksPerStream: 10,
};

/** A round in which other programs took more of the machine than this is repeated. */
const disturbanceLimit = 0.03;
const attemptsPerRound = 3;

/**
 * Measures direct, nginx, bare sockets, Lyss with one gateway process and with two, and Portkey where it is at hand, in one run, and writes
 * `results/gateway.md` and `.json` (`gateway-quick` with --quick).
 * Every process it starts has ended when it resolves or rejects.
 */
export async function runGatewayBench(args: readonly string[]): Promise<void> {
  if (platform() !== "linux" || cpus().length < 2) throw new Error("this needs Linux and two cores");
  const known = ["--quick", "--stages", "--streams", "--soak"];
  const unknown = args.find((arg) => !known.includes(arg));
  if (unknown !== undefined) throw new Error(`there is no option ${unknown}; there are ${known.join(", ")}`);
  const plan = args.includes("--quick") ? quickPlan : fullPlan;
  const command = ["npm run bench -- gateway", ...args].join(" ");
  const facts = describeRun(command, plan, new Date());
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-programs-"));
  try {
    const programs = compilePrograms(folder);
    if (args.includes("--streams")) {
      const rounds = plan === fullPlan ? 5 : 1;
      const medians = await measureStreams(programs, rounds, plan === fullPlan ? 10 : 4);
      const markdown = writeStreams({ ...facts, medians, rounds });
      if (plan === fullPlan) writeFileSync(join(repositoryRoot, "bench/results/gateway-streams.md"), markdown);
      console.log(`\n${markdown}`);
      return;
    }
    const pace = { chunks: plan.chunksPerStream, intervalMs: plan.chunkIntervalMs };
    if (args.includes("--soak")) {
      const calls = plan === fullPlan ? 10_000_000 : 50_000;
      const soak = await withMock(programs, pace, (port) => measureSoak(programs.load, port, calls, folder));
      const markdown = writeSoak({ ...facts, soak });
      if (plan === fullPlan) writeFileSync(join(repositoryRoot, "bench/results/gateway-soak.md"), markdown);
      console.log(`\n${markdown}`);
      return;
    }
    if (args.includes("--stages")) {
      const stages = await withMock(programs, pace, (port) => measureStages(programs.load, port, folder));
      const markdown = writeStages({ ...facts, ...stages });
      if (plan === fullPlan) writeFileSync(join(repositoryRoot, "bench/results/gateway-stages.md"), markdown);
      console.log(`\n${markdown}`);
      return;
    }
    const systems = await withMock(programs, pace, (port) => measureAll(plan, programs.load, port));
    const name = plan === quickPlan ? "gateway-quick" : "gateway";
    writeReport(name, { ...facts, systems });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Programs {
  readonly load: Load;
  readonly mock: string;
}

function compilePrograms(folder: string): Programs {
  return { load: prepareLoad(compile("load", folder), folder), mock: compile("mock", folder) };
}

/** Runs an upstream, which every system calls, while `work` goes on. */
async function withMock<T>(
  { mock }: Programs,
  { chunks, intervalMs }: Pace,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const child = spawnPinned(loadCore, mock, ["0", String(chunks), String(intervalMs * 1_000)]);
  try {
    return await work(Number(/^listening (\d+)$/.exec(await readFirstLine(child))?.[1]));
  } finally {
    await stop(child);
  }
}

/** Medians of each system's figures for streams, in turns. */
async function measureStreams(programs: Programs, rounds: number, seconds: number): Promise<StreamMedians> {
  const { steady, light, many, open } = paces;
  const starts = { direct: startDirect, nginx: startNginx, sockets: startSockets, lyss: startLyss } satisfies Record<
    string,
    StartSystem
  >;
  const found = new Map<string, StreamRound[]>();
  await withMock(programs, steady, (steadyPort) =>
    withMock(programs, light, (lightPort) =>
      withMock(programs, many, (manyPort) =>
        withMock(programs, open, async (openPort) => {
          const ports = { steady: steadyPort, light: lightPort, many: manyPort, open: openPort };
          for (let round = 0; round < rounds; round++) {
            for (const [name, start] of Object.entries(starts)) {
              const figures = await measureStreamRound(programs.load, start, ports, seconds);
              console.log(name.padEnd(7), JSON.stringify(figures));
              found.set(name, [...(found.get(name) ?? []), figures]);
            }
          }
        }),
      ),
    ),
  );
  return Object.fromEntries([...found].map(([name, each]) => [name, medianStreams(each)]));
}

async function measureAll(plan: Plan, load: Load, port: number): Promise<Report["systems"]> {
  const starts: StartSystem[] = [startDirect, startNginx, startSockets];
  if (canStartLyss()) starts.push(startLyss, startLyssPair, startGatewayApart);
  else console.log("Lyss itself cannot be started from this checkout and is left out.");
  const portkey = findPortkey();
  if (portkey) starts.push(startPortkeyAt(portkey));
  else console.log(`Portkey is left out: npm install --prefix FOLDER ${portkeyPackage}, and PORTKEY_FOLDER=FOLDER.`);
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
      console.log(`${system.name.padEnd(7)} ${describeRound(result)}`);
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
