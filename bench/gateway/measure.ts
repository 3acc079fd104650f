import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import type { LoadResult } from "./load-result.ts";
import { readMachineCpuSeconds, readUsage, type Usage } from "./processes.ts";
import { loadCore, type System } from "./systems.ts";

/** How long and how much. */
export interface Plan {
  readonly rounds: number;
  /** Of each process that serves them, before anything is measured. */
  readonly warmupCalls: number;
  readonly saturationSeconds: number;
  readonly latencySeconds: number;
  /** Calls at once at saturation, and connections of the load at a fixed rate. */
  readonly connections: number;
  /** The fixed rate at which nothing queues. */
  readonly lightRate: number;
  readonly streams: number;
  readonly chunksPerStream: number;
  readonly chunkIntervalMs: number;
}

/** The load generator and the bodies it sends. */
export interface Load {
  readonly program: string;
  readonly unaryBody: string;
  readonly streamBody: string;
}

/** Percentiles in microseconds at one rate, with and without the system between load and mock. */
export interface LatencyPoint {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly addedP50: number;
  readonly addedP99: number;
}

/** One system in one round. Parts of the system are named; `direct` has none. */
export interface RoundResult {
  readonly callsPerSecond: number;
  readonly cpuMicrosPerCall: Readonly<Record<string, number>>;
  /** How much of its core the system had at saturation, 0 to 1. Much less than 1 means that something else was the limit. */
  readonly coreShare: Readonly<Record<string, number>>;
  readonly light: LatencyPoint;
  readonly half: LatencyPoint;
  readonly bytesPerStream: Readonly<Record<string, number>>;
  readonly cpuMicrosPerChunk: Readonly<Record<string, number>>;
  /** Until the first byte of a stream, when all of them start at once. */
  readonly streamFirstByteP50: number | undefined;
  /** How much of the machine other programs took meanwhile, 0 to 1. */
  readonly disturbance: number;
}

const sampleMs = 200;
const noStreams = { bytesPerStream: {}, cpuMicrosPerChunk: {}, streamFirstByteP50: undefined };

/** Writes the two request bodies, of about a kilobyte each. */
export function prepareLoad(program: string, folder: string): Load {
  const sentence = "Please say in a few words what a gateway between programs and language models has to do. ";
  const messages = [
    { role: "system", content: "You are a helpful assistant. You answer briefly and to the point." },
    { role: "user", content: sentence.repeat(9) },
  ];
  const body = { model: "mock-model", messages, temperature: 0.7, max_tokens: 64 };
  const unaryBody = join(folder, "unary.json");
  const streamBody = join(folder, "stream.json");
  writeFileSync(unaryBody, JSON.stringify(body));
  writeFileSync(streamBody, JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }));
  return { program, unaryBody, streamBody };
}

/** Measures a freshly started system, and beside it the mock alone where they are to be compared. */
export async function measureRound(plan: Plan, load: Load, system: System, direct: System): Promise<RoundResult> {
  const others = watchOthers();
  const warmupCalls = plan.warmupCalls * (system.processes ?? 1);
  await runLoad(load, system, ["--requests", String(warmupCalls), "--connections", String(plan.connections)]);
  const streams = system.isUnaryOnly ? noStreams : await measureStreams(plan, load, system);
  const saturation = await measureSaturation(plan, load, system);
  const light = await measureLatency(plan, load, system, direct, plan.lightRate);
  const half = await measureLatency(plan, load, system, direct, Math.floor(saturation.callsPerSecond / 2));
  return { ...streams, ...saturation, light, half, disturbance: others() };
}

/** Starts to watch programs that are not ours, and gives what share of the machine they took since. */
function watchOthers(): () => number {
  const read = () => readMachineCpuSeconds() - readUsage(process.pid).cpuSeconds;
  const [startedMs, before] = [systemClock.monotonicMs(), read()];
  return () => Math.max(0, read() - before) / (((systemClock.monotonicMs() - startedMs) / 1000) * cpus().length);
}

async function measureSaturation(plan: Plan, load: Load, system: System) {
  const before = system.measure();
  const args = ["--seconds", String(plan.saturationSeconds), "--connections", String(plan.connections)];
  const result = await runLoad(load, system, args);
  const after = system.measure();
  return {
    callsPerSecond: result.perSecond,
    cpuMicrosPerCall: compareParts(before, after, (from, to) => cpuMicros(from, to) / result.started),
    coreShare: compareParts(before, after, (from, to) => cpuMicros(from, to) / 1e6 / result.seconds),
  };
}

async function measureLatency(
  plan: Plan,
  load: Load,
  system: System,
  direct: System,
  perSecond: number,
): Promise<LatencyPoint> {
  const args = ["--seconds", String(plan.latencySeconds), "--warmup", "0.5", "--rate", String(perSecond)];
  args.push("--connections", String(plan.connections));
  const alone = await runLoad(load, direct, args);
  const { latencyUs } = await runLoad(load, system, args);
  return {
    perSecond,
    p50: latencyUs.p50,
    p99: latencyUs.p99,
    addedP50: latencyUs.p50 - alone.latencyUs.p50,
    addedP99: latencyUs.p99 - alone.latencyUs.p99,
  };
}

/** Opens all streams at once and takes the most memory that the system needed while they ran. */
async function measureStreams(plan: Plan, load: Load, system: System) {
  const before = system.measure();
  const ended = new AbortController();
  const args = ["--stream", "--requests", String(plan.streams), "--connections", String(plan.streams)];
  const running = runLoad(load, system, args).finally(() => ended.abort());
  running.catch(() => undefined);
  let most = before;
  while (!ended.signal.aborted) {
    await delay(systemClock, sampleMs, ended.signal).catch(() => undefined);
    most = compareUsage(most, system.measure());
  }
  const result = await running;
  const after = system.measure();
  return {
    bytesPerStream: compareParts(before, most, (from, to) => (to.residentBytes - from.residentBytes) / plan.streams),
    cpuMicrosPerChunk: compareParts(before, after, (from, to) => cpuMicros(from, to) / result.events),
    streamFirstByteP50: result.firstByteUs.p50,
  };
}

type Parts = Readonly<Record<string, Usage>>;

function compareUsage(one: Parts, other: Parts): Parts {
  const pairs = Object.entries(other).map(([part, usage]) => {
    const residentBytes = Math.max(usage.residentBytes, one[part]?.residentBytes ?? 0);
    return [part, { ...usage, residentBytes }] as const;
  });
  return Object.fromEntries(pairs);
}

function compareParts(
  from: Parts,
  to: Parts,
  compare: (from: Usage, to: Usage) => number,
): Readonly<Record<string, number>> {
  const none: Usage = { cpuSeconds: 0, residentBytes: 0 };
  return Object.fromEntries(Object.entries(to).map(([part, usage]) => [part, compare(from[part] ?? none, usage)]));
}

function cpuMicros(from: Usage, to: Usage): number {
  return 1e6 * (to.cpuSeconds - from.cpuSeconds);
}

/** One run of the load generator. Throws when a single call went wrong: a figure with errors in it says nothing. */
export async function runLoad(load: Load, system: System, args: readonly string[]): Promise<LoadResult> {
  const body = args.includes("--stream") ? load.streamBody : load.unaryBody;
  const target = ["--port", String(system.port), "--path", "/v1/chat/completions", "--body", body];
  const headers = system.headers.flatMap((header) => ["--header", header]);
  const pinned = ["--cpu-list", String(loadCore), load.program, ...target, ...headers, ...args];
  const { stdout } = await promisify(execFile)("taskset", pinned, { maxBuffer: 1024 * 1024 });
  const result: LoadResult = JSON.parse(stdout);
  if (result.errorCount === 0 && result.completed > 0) return result;
  throw new Error(`${system.name}: ${result.completed} good calls, errors ${JSON.stringify(result.errors)}`);
}
