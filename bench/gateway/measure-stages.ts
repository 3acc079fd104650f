import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startGatewayApartWith } from "./gateway-apart.ts";
import { type Load, runLoad } from "./measure.ts";
import { type CpuProfile, divideByStage, type Stage } from "./stages.ts";
import { type StartSystem, startLyssProfiled } from "./systems.ts";

const connections = 64;
/** Until it is compiled as well as it will be. */
const warmupCalls = 40_000;
const profiledSeconds = 15;

/** What share of a call's CPU time each stage has at saturation, and how much that is, by Node's own profiler. */
export interface Profiled {
  readonly stages: readonly Stage[];
  readonly callMicros: number;
}

/** Of a platform that is one process, and of a gateway process whose platform is elsewhere. */
export interface ProfiledStages {
  readonly whole: Profiled;
  readonly gateway: Profiled;
}

export async function measureStages(load: Load, mockPort: number, folder: string): Promise<ProfiledStages> {
  const gatewayStart = (profileFolder: string) =>
    startGatewayApartWith(["--cpu-prof", `--cpu-prof-dir=${profileFolder}`]);
  return {
    whole: await profile(load, mockPort, join(folder, "whole"), "platform", startLyssProfiled),
    gateway: await profile(load, mockPort, join(folder, "gateway"), "gateway", gatewayStart),
  };
}

/** Of that part of the system which writes its profile into the folder. */
async function profile(
  load: Load,
  mockPort: number,
  profileFolder: string,
  part: string,
  startIn: (folder: string) => StartSystem,
): Promise<Profiled> {
  mkdirSync(profileFolder);
  const system = await startIn(profileFolder)(mockPort);
  const monotonicMicros = () => Number(process.hrtime.bigint() / 1_000n);
  let measured: { readonly from: number; readonly to: number; readonly callMicros: number };
  try {
    await runLoad(load, system, ["--requests", String(warmupCalls), "--connections", String(connections)]);
    const before = system.measure()[part]?.cpuSeconds ?? 0;
    const from = monotonicMicros();
    const args = ["--seconds", String(profiledSeconds), "--connections", String(connections)];
    const { started } = await runLoad(load, system, args);
    const used = (system.measure()[part]?.cpuSeconds ?? 0) - before;
    measured = { from, to: monotonicMicros(), callMicros: (used * 1e6) / started };
  } finally {
    await system.stop();
  }
  const [file = ""] = readdirSync(profileFolder).filter((name) => name.endsWith(".cpuprofile"));
  const found: CpuProfile = JSON.parse(readFileSync(join(profileFolder, file), "utf8"));
  return { stages: divideByStage(found, measured.from, measured.to), callMicros: measured.callMicros };
}
