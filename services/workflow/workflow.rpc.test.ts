import assert from "node:assert/strict";
import { test } from "node:test";
import { RunState } from "@lyss/contracts/gen/lyss/workflow/v1/workflow_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { startTestServer, testCaller } from "@lyss/kit/http/http-test-server.ts";
import { defineService, type ServiceWorkflows } from "@lyss/kit/service/define-service.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { saga } from "@lyss/kit/workflow/saga.ts";
import { workflowFailures } from "@lyss/kit/workflow/workflow-failures.ts";
import { z } from "zod";
import { workflow } from "./service.ts";

const quick = { maxAttempts: 2, minDelayMs: 1, maxDelayMs: 2 };
let isBroken = true;
let undone: string[] = [];

const paying = saga<null>("paying")
  .step("order", { run: () => "secret-result" })
  .pivot()
  .step("pay", {
    run() {
      if (isBroken) throw new Error("no bank");
    },
    retry: quick,
  })
  .build();
const asking = saga<null>("asking")
  .step("ask", { run: () => 1, compensate: ({ runId }) => void undone.push(runId) })
  .waitFor("answer", { schema: z.string(), timeoutMs: 600_000 })
  .pivot()
  .waitFor("thanks", { schema: z.string(), timeoutMs: 600_000 })
  .build();

let workflows: ServiceWorkflows;
const shop = defineService({
  name: "test-shop",
  needs: {},
  publishes: [],
  hears: [],
  config: {},
  routes: [],
  workflows: [paying, asking],
  async start(deps) {
    workflows = deps.workflows;
    return { ops: {} };
  },
});

eachTopology("workflow runs", { services: [workflow, shop] }, (topology) => {
  const stateOf = async (runId: string) => (await topology.client(workflow).getRun({ runId })).run?.state;
  const reach = (runId: string, state: RunState) => waitUntil(async () => (await stateOf(runId)) === state);

  test("a parked run is found, explained with its steps and tries, and resumed", async () => {
    isBroken = true;
    const client = topology.client(workflow);
    const { runId } = await workflows.start(paying, { id: "a b/c:1", input: null });
    await reach(runId, RunState.PARKED);
    const { runs } = await client.listRuns({ states: [RunState.PARKED] });
    assert.deepEqual(
      runs.map((run) => [run.runId, run.service, run.saga, run.failure?.step, run.failure?.code]),
      [["test-shop/paying/a b/c:1", "test-shop", "paying", "pay", "kit.internal"]],
    );
    const { steps } = await client.getRun({ runId });
    assert.deepEqual(
      steps.slice(0, 2).map(({ name, tries, failure }) => [name, tries, failure?.code]),
      [
        ["order", 1, undefined],
        ["pay", 2, "kit.internal"],
      ],
    );
    assert.ok(steps[0]?.completedAt);
    isBroken = false;
    await client.resumeRun({ runId });
    await reach(runId, RunState.DONE);
    const { run } = await client.getRun({ runId });
    assert.deepEqual([run?.failure, run?.endedAt !== undefined], [undefined, true]);
    await assert.rejects(client.resumeRun({ runId }), (err) => isFailure(err, workflowFailures.not_parked));
  });

  test("a run that waits before its pivot is canceled and undone; one past it goes on", async () => {
    undone = [];
    const client = topology.client(workflow);
    const waiting = await workflows.start(asking, { id: "waiting", input: null });
    const pivoted = await workflows.start(asking, { id: "pivoted", input: null });
    await workflows.send(asking, "pivoted", "answer", "yes");
    await waitUntil(async () => (await client.getRun({ runId: pivoted.runId })).steps.length > 1);
    for (const { runId } of [waiting, waiting, pivoted]) await client.cancelRun({ runId });
    await reach(waiting.runId, RunState.COMPENSATED);
    assert.deepEqual(undone, [waiting.runId]);
    const { run } = await client.getRun({ runId: waiting.runId });
    assert.equal(run?.failure?.code, "workflow.canceled");
    assert.equal(await stateOf(pivoted.runId), RunState.RUNNING);
    await workflows.send(asking, "pivoted", "thanks", "you too");
    await reach(pivoted.runId, RunState.DONE);
    assert.equal((await client.cancelRun({ runId: pivoted.runId })).run?.state, RunState.DONE);
  });

  test("runs are counted by state, filtered and paged beyond any page", async () => {
    isBroken = false;
    const client = topology.client(workflow);
    const started = await Promise.all(
      Array.from({ length: 7 }, (_, n) => workflows.start(paying, { id: `many-${n}`, input: null })),
    );
    await Promise.all(started.map(({ runId }) => reach(runId, RunState.DONE)));
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await client.listRuns({ service: "test-shop", saga: "paying", limit: 3, cursor });
      seen.push(...page.runs.map(({ runId }) => runId));
      cursor = page.nextCursor;
      if (cursor === "") break;
    }
    assert.equal(new Set(seen).size, 8);
    assert.equal(seen.at(-1), "test-shop/paying/a b/c:1");
    const counts = await client.countRuns({ saga: "paying" });
    assert.deepEqual([counts.done, counts.parked, counts.running], [8n, 0n, 0n]);
    assert.equal((await client.listRuns({ service: "none" })).runs.length, 0);
    for (const call of [client.getRun, client.resumeRun, client.cancelRun]) {
      await assert.rejects(call({ runId: "test-shop/paying/none" }), (err) =>
        isFailure(err, workflowFailures.run_not_found),
      );
    }
    await assert.rejects(client.listRuns({ limit: 999 }), (err) => isFailure(err, kitFailures.invalid_request));
  });

  test("over REST a run is named by its whole id, and what its steps gave is nowhere", async (t) => {
    const caller = { ...testCaller, permissions: ["platform:workflows"] };
    const mounted = topology.program("workflow").mounted();
    const server = await startTestServer({ mounted, guard: () => caller });
    t.after(() => server.close());
    const runId = "test-shop/paying/a b/c:1";
    const call = async (path: string, body?: object) => {
      const init = {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      };
      const response = await fetch(`${server.url}/admin/workflows/${path}`, body && init);
      return { status: response.status, text: await response.text() };
    };
    const shown = await call(`run?id=${encodeURIComponent(runId)}`);
    assert.equal(shown.status, 200, shown.text);
    const { id, state, steps } = JSON.parse(shown.text);
    assert.deepEqual([id, state, steps[0].name], [runId, "done", "order"]);
    assert.equal(shown.text.includes("secret-result"), false);
    assert.equal((await call("run:resume", { id: runId })).status, 409);
    assert.equal(JSON.parse((await call("run:cancel", { id: runId })).text).state, "done");
  });
});
