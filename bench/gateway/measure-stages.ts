import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Load, runLoad } from "./measure.ts";
import { type CpuProfile, divideByStage, type Stage } from "./stages.ts";
import { startLyssProfiled } from "./systems.ts";

const connections = 64;
/** Until it is compiled as well as it will be. */
const warmupSeconds = 15;
const profiledSeconds = 15;

/** What share of a call's CPU time each stage has at saturation, and how much that is, by Node's own profiler. */
export async function measureStages(
  load: Load,
  mockPort: number,
  folder: string,
): Promise<{ readonly stages: readonly Stage[]; readonly callMicros: number }> {
  const profileFolder = join(folder, "profile");
  mkdirSync(profileFolder);
  const system = await startLyssProfiled(profileFolder)(mockPort);
  const monotonicMicros = () => Number(process.hrtime.bigint() / 1_000n);
  let measured: { readonly from: number; readonly to: number; readonly callMicros: number };
  try {
    await runLoad(load, system, ["--seconds", String(warmupSeconds), "--connections", String(connections)]);
    const before = system.measure()["platform"]?.cpuSeconds ?? 0;
    const from = monotonicMicros();
    const args = ["--seconds", String(profiledSeconds), "--connections", String(connections)];
    const { started } = await runLoad(load, system, args);
    const used = (system.measure()["platform"]?.cpuSeconds ?? 0) - before;
    measured = { from, to: monotonicMicros(), callMicros: (used * 1e6) / started };
  } finally {
    await system.stop();
  }
  const [file = ""] = readdirSync(profileFolder).filter((name) => name.endsWith(".cpuprofile"));
  const profile: CpuProfile = JSON.parse(readFileSync(join(profileFolder, file), "utf8"));
  return { stages: divideByStage(profile, measured.from, measured.to), callMicros: measured.callMicros };
}
