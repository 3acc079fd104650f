import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { type Load, runLoad } from "./measure.ts";
import { sumUsage, type Usage } from "./processes.ts";
import type { StartSystem, System } from "./systems.ts";

/** How an upstream paces its streams. */
export interface Pace {
  readonly chunks: number;
  readonly intervalMs: number;
}

/** Each part of the measurement has an upstream of its own, with its pace. */
export const paces = {
  /** 400 streams at 50 chunks/s each, for five seconds. */
  steady: { chunks: 250, intervalMs: 20 },
  /** Short streams, of which few are open at a time. */
  light: { chunks: 10, intervalMs: 20 },
  /** Streams of five seconds, of which 400 begin each second: 2,000 are open. */
  many: { chunks: 25, intervalMs: 200 },
  /** Streams that stay open while memory is looked at. */
  open: { chunks: 50, intervalMs: 400 },
} as const satisfies Record<string, Pace>;

export interface StreamRound {
  /** Of all processes of the system. */
  readonly cpuMicrosPerChunk: number;
  readonly chunksPerSecond: number;
  /** Milliseconds to the first byte: few streams, and with 2,000 open. */
  readonly lightP50: number;
  readonly lightP99: number;
  readonly manyP50: number;
  readonly manyP99: number;
  /** KiB of resident memory for each open stream. */
  readonly kibPerStream: number;
}

const steadyStreams = 400;
const lightRate = 50;
const manyRate = 400;
/** Each is two connections of the system, whose files are often limited to 20,000. */
export const openStreams = 8_000;
const sampleMs = 200;

/** Measures one system, freshly started for each upstream. */
export async function measureStreamRound(
  load: Load,
  start: StartSystem,
  ports: Readonly<Record<keyof typeof paces, number>>,
  seconds: number,
): Promise<StreamRound> {
  const steady = await withSystem(start, ports.steady, (system) => measureSteady(load, system));
  const light = await withSystem(start, ports.light, async (system) => {
    await warmUp(load, system);
    return runLoad(load, system, [...atRate(lightRate, seconds, 64), "--warmup", "1"]);
  });
  const many = await withSystem(start, ports.many, async (system) => {
    await warmUp(load, system);
    return runLoad(load, system, [...atRate(manyRate, seconds, 2_500), "--warmup", "6"]);
  });
  const kibPerStream = await withSystem(start, ports.open, (system) => measureMemory(load, system));
  return {
    ...steady,
    lightP50: light.firstByteUs.p50 / 1_000,
    lightP99: light.firstByteUs.p99 / 1_000,
    manyP50: many.firstByteUs.p50 / 1_000,
    manyP99: many.firstByteUs.p99 / 1_000,
    kibPerStream,
  };
}

async function withSystem<T>(start: StartSystem, mockPort: number, work: (system: System) => Promise<T>): Promise<T> {
  const system = await start(mockPort);
  try {
    return await work(system);
  } finally {
    await system.stop();
  }
}

/** Until what serves a call is compiled as well as it will be. */
async function warmUp(load: Load, system: System): Promise<void> {
  await runLoad(load, system, ["--seconds", "5", "--connections", "64"]);
}

function atRate(rate: number, seconds: number, connections: number): string[] {
  return ["--stream", "--rate", String(rate), "--seconds", String(seconds), "--connections", String(connections)];
}

async function measureSteady(load: Load, system: System) {
  await warmUp(load, system);
  const args = ["--stream", "--requests", String(steadyStreams), "--connections", String(steadyStreams)];
  await runLoad(load, system, args);
  const before = measureAll(system);
  const { events, seconds } = await runLoad(load, system, args);
  const used = measureAll(system).cpuSeconds - before.cpuSeconds;
  return { cpuMicrosPerChunk: (used * 1e6) / events, chunksPerSecond: events / seconds };
}

/** At its peak, with all of them open. */
async function measureMemory(load: Load, system: System): Promise<number> {
  await warmUp(load, system);
  const before = measureAll(system).residentBytes;
  const ended = new AbortController();
  const args = ["--stream", "--requests", String(openStreams), "--connections", String(openStreams)];
  const running = runLoad(load, system, args).finally(() => ended.abort());
  running.catch(() => undefined);
  let most = before;
  while (!ended.signal.aborted) {
    await delay(systemClock, sampleMs, ended.signal).catch(() => undefined);
    most = Math.max(most, measureAll(system).residentBytes);
  }
  await running;
  return (most - before) / openStreams / 1_024;
}

function measureAll(system: System): Usage {
  return sumUsage(Object.values(system.measure()));
}
