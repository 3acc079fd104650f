import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuProfile, divideByStage } from "./stages.ts";

const frame = (functionName: string, url = "") => ({ callFrame: { functionName, url } });

/** root → lane → node:net's write; root → scan; root → idle, garbage, program. Each sample took 10 µs. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, ...frame("(root)"), children: [2, 4, 5, 6, 7, 8] },
    { id: 2, ...frame("onData", "file:///x/kit/http/lane/lane.ts"), children: [3] },
    { id: 3, ...frame("writeBuffer"), children: [] },
    { id: 4, ...frame("scan", "file:///x/services/ai-gateway/scan/scan-request.ts") },
    { id: 5, ...frame("(idle)") },
    { id: 6, ...frame("(garbage collector)") },
    { id: 7, ...frame("(program)") },
    { id: 8, ...frame("processTicksAndRejections", "node:internal/process/task_queues") },
  ],
  startTime: 1_000,
  samples: [2, 3, 4, 5, 6, 7, 8, 2],
  timeDeltas: Array.from({ length: 8 }, () => 10),
};

function sharesOf(from: number, to: number): Record<string, number> {
  const found = divideByStage(profile, from, to).filter(({ share }) => share > 0);
  return Object.fromEntries(found.map(({ name, share }) => [name.replace(/[:( ].*/, ""), Number(share.toFixed(3))]));
}

test("time is divided by the innermost frame of ours, and waiting counts for nothing", () => {
  assert.deepEqual(sharesOf(0, 1e9), {
    lane: 0.286,
    scan: 0.143,
    writing: 0.143,
    Node: 0.143,
    garbage: 0.143,
    outside: 0.143,
  });
});

test("only what lies in the asked for time counts", () => {
  assert.deepEqual(sharesOf(1_020, 1_030), { scan: 1 });
  assert.throws(() => sharesOf(1_030, 1_040), RangeError);
});
