import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { postgres } from "../db/driver.ts";
import { openTestCluster } from "../testing/postgres.ts";
import { closeInReverse, type TestScope } from "../testing/test-cluster.ts";
import { openTestEngine } from "../testing/workflow-engine.ts";
import { createWorld, defineCrashSaga } from "../testing/workflow-victim.ts";
import { workflowDatabase } from "./dbos.ts";
import { saga } from "./saga.ts";

const limits = { timeout: 180_000 };
const waitMs = 60_000;
const victim = fileURLToPath(new URL("../testing/workflow-victim.ts", import.meta.url));
const forward = ["one", "two", "three", "four"];
const backward = ["four.undo", "three.undo", "two.undo", "one.undo"];

/** A node that takes the runs of others over, and the table of what the sagas did. */
async function openSurvivor(scope: TestScope) {
  const cluster = await openTestCluster(scope, [workflowDatabase]);
  const sql = postgres(cluster.adminUrl, { max: 2 });
  scope.after(() => sql.end());
  await sql`create table public.effect (key text primary key, tries int not null default 1)`;
  const world = createWorld(cluster.adminUrl, "");
  scope.after(() => world.close());
  const sagas = [defineCrashSaga("passing", false), defineCrashSaga("refusing", true)];
  const survivor = await openTestEngine(scope, sagas, { cluster, ops: world, deadAfterMs: 2_000 });
  return { cluster, sql, survivor };
}

test(
  "a process killed before or after any step loses nothing: another ends the run, each effect happens once (D8)",
  limits,
  async (t) => {
    const { cluster, sql, survivor } = await openSurvivor(closeInReverse(t));

    const crash = async (name: string, crashAt: string) => {
      const child = spawn(process.execPath, [victim, cluster.adminUrl, name, crashAt], { stdio: "inherit" });
      const [, signal] = await once(child, "exit");
      assert.equal(signal, "SIGKILL", `${name} ${crashAt}`);
      const outcome = await survivor.result(`test/${name}/${crashAt}`, waitMs);
      assert.equal(outcome.state, name === "passing" ? "done" : "compensated", crashAt);
    };
    const points = (steps: readonly string[]) => steps.flatMap((step) => [`before ${step}`, `after ${step}`]);
    const crashes = [
      ...points(forward).map((point) => ["passing", point] as const),
      ...points([...forward, ...backward]).map((point) => ["refusing", point] as const),
    ];
    const queue = crashes.values();
    await Promise.all(
      Array.from({ length: 3 }, async () => {
        for (const [name, point] of queue) await crash(name, point);
      }),
    );

    const rows = await sql<{ key: string; tries: number }[]>`select key, tries from public.effect`;
    const done = (name: string, point: string, steps: readonly string[]) =>
      steps.map((step) => `test/${name}/${point}/${step}`);
    const expected = crashes.flatMap(([name, point]) =>
      done(name, point, name === "passing" ? forward : [...forward, ...backward]),
    );
    assert.deepEqual(rows.map(({ key }) => key).sort(), expected.sort());
    // A step that died after its effect was repeated, and only that one.
    const repeated = rows.filter(({ tries }) => tries > 1).length;
    assert.ok(repeated <= crashes.length, `${repeated} effects were asked for twice`);
  },
);

test("a node that was taken for dead and wakes up does nothing twice, and sees its run ended", limits, async (t) => {
  const scope = closeInReverse(t);
  const { cluster, sql, survivor } = await openSurvivor(scope);
  const child = spawn(process.execPath, [victim, cluster.adminUrl, "passing", "freeze after two"], {
    stdio: "inherit",
  });
  scope.after(async () => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const isStored = async () => (await sql`select 1 from public.effect where key like '%/two'`).length > 0;
  while (!(await isStored()));
  assert.equal((await survivor.result("test/passing/freeze after two", waitMs)).state, "done");
  child.kill("SIGCONT");
  assert.deepEqual(await exited, [0, null]);
  assert.equal((await survivor.result("test/passing/freeze after two", waitMs)).state, "done");
  const rows = await sql`select key from public.effect`;
  assert.equal(rows.length, forward.length);
});

test("a node that stops lets its steps end and leaves the rest of its runs to the next", limits, async (t) => {
  const scope = closeInReverse(t);
  const cluster = await openTestCluster(scope, [workflowDatabase]);
  const begun = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const seen: string[] = [];
  const long = saga<null>("long")
    .step("one", {
      async run() {
        begun.resolve();
        await mayEnd.promise;
        seen.push("one");
      },
    })
    .step("two", { run: () => void seen.push("two") })
    .build();
  const first = await openTestEngine(scope, [long], { cluster });
  const { runId } = await first.start("test", long, { id: "1", input: null });
  await begun.promise;
  const stopped = first.stop(new AbortController().signal);
  mayEnd.resolve();
  await stopped;
  assert.deepEqual(seen, ["one"]);

  const second = await openTestEngine(scope, [long], { cluster });
  assert.equal((await second.result(runId, waitMs)).state, "done");
  assert.deepEqual(seen, ["one", "two"]);
});
