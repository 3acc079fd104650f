import assert from "node:assert/strict";
import { test } from "node:test";
import { createDegradation } from "@lyss/kit/resilience/degradation.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createAuthJobs } from "./jobs.ts";
import type { AuthOps } from "./ops.ts";

test("while less is offered, last-used times wait, and are written afterwards", async () => {
  const degradation = createDegradation({ clock: createFakeClock() });
  let flushes = 0;
  const ops: Pick<AuthOps, "flushLastUsed" | "flushLastSeen" | "sweepSessions" | "keepSigningKeys" | "sweepFactors"> = {
    async flushLastSeen() {},
    async sweepSessions() {},
    async keepSigningKeys() {},
    async sweepFactors() {},
    async flushLastUsed() {
      flushes++;
    },
  };
  const [job] = createAuthJobs(ops, degradation);
  const run = () => job?.run(AbortSignal.timeout(1_000));
  await run();
  degradation.force("reduced");
  await run();
  assert.equal(flushes, 1);
  degradation.force(undefined);
  await run();
  assert.equal(flushes, 2);
  degradation.stop();
});
