import assert from "node:assert/strict";
import { test } from "node:test";
import { onEvent } from "@lyss/kit/events/event.ts";
import { type Clock, systemClock } from "@lyss/kit/service/clock.ts";
import { openEventNode, opened, say } from "@lyss/kit/testing/event-log.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { openTestCluster } from "@lyss/kit/testing/postgres.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { openTestEngine } from "@lyss/kit/testing/workflow-engine.ts";
import { workflowDatabase } from "@lyss/kit/workflow/dbos.ts";
import { saga } from "@lyss/kit/workflow/saga.ts";
import { createWorkflowStore } from "@lyss/kit/workflow/workflow-store.ts";
import { billing } from "@lyss/services/billing/service.ts";

const limits = { timeout: 60_000 };
const skewsMs = [-300_000, 300_000];

const skewed = (skewMs: number): Clock => ({ ...systemClock, nowMs: () => systemClock.nowMs() + skewMs });

/** A clock whose wall time can be set, as an operator or NTP does; its monotonic time goes on. */
function createSteppingClock() {
  const inner = createFakeClock();
  let stepMs = 0;
  return {
    ...inner,
    nowMs: () => inner.nowMs() + stepMs,
    step(ms: number) {
      stepMs += ms;
    },
  };
}

for (const skewMs of skewsMs) {
  test(`R13: a hold lives its time on a node whose clock is ${skewMs / 60_000} min off`, limits, async (t) => {
    const service = await startTestService(t, billing, { clients: {}, clock: skewed(skewMs) });
    const { ops } = service;
    const rates = { inputNanosPerMillion: 1n, cachedInputNanosPerMillion: 1n, outputNanosPerMillion: 1n };
    await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
    await ops.createWallet({ tenantId: "ten_1" });
    await ops.topUpWallet({ tenantId: "ten_1", amountNanos: 1_000n, reference: "start", source: "grant" });
    const names = {
      callId: "call_1",
      tenantId: "ten_1",
      requestId: "r",
      keyId: "k",
      userId: "u",
      provider: "p",
      model: "m",
    };
    await ops.reserveCall({ ...names, inputTokens: 10n, maxOutputTokens: 10n, minOutputTokens: 10n, choices: 1n });
    await ops.expireHolds();
    const [hold] = await service.sql`
      select extract(epoch from expires_at - now())::float8 as seconds from hold where call_id = 'call_1'`;
    const seconds = Number(hold?.["seconds"]);
    assert.ok(seconds > 0 && seconds <= 30, `${seconds} s are left of 30`);
  });
}

for (const skewMs of skewsMs) {
  test(
    `R13: a node whose clock is ${skewMs / 60_000} min off is not taken for dead while it lives`,
    limits,
    async (t) => {
      const scope = closeInReverse(t);
      const cluster = await openTestCluster(scope, [workflowDatabase]);
      const store = createWorkflowStore(cluster.open(workflowDatabase.name));
      const done = saga<null>("done")
        .step("only", { run: () => "done" })
        .build();
      const engine = await openTestEngine(scope, [done], { cluster, clock: skewed(skewMs) });
      const { runId } = await engine.start("test", done, { id: "1", input: null });
      assert.equal((await engine.result(runId, 30_000)).state, "done");
      const dead: string[] = [];
      await store.buryDead(30_000, async (nodeId) => {
        dead.push(nodeId);
        return true;
      });
      assert.deepEqual(dead, []);
      await engine.stop(AbortSignal.timeout(5_000));
    },
  );
}

test("R13: a clock that steps back ten seconds makes no retry come early, and none stay away", limits, async (t) => {
  const { writerDb, hear } = await openEventNode(t);
  const clock = createSteppingClock();
  const triedMs: number[] = [];
  const flaky = onEvent("flaky", opened, async () => {
    triedMs.push(clock.monotonicMs());
    if (triedMs.length < 3) throw new Error("not yet");
  });
  await hear([flaky], clock);
  await say(writerDb, opened, "a:1");
  await waitUntil(async () => triedMs.length > 0);
  clock.step(-10_000);
  await waitUntil(async () => {
    clock.advance(100);
    return triedMs.length >= 3;
  });
  const [first = 0, second = 0, third = 0] = triedMs;
  // The waits are 1 s and 2 s; the step adds at most itself.
  assert.ok(second - first >= 1_000, `${second - first} ms`);
  assert.ok(third - second >= 2_000, `${third - second} ms`);
});
