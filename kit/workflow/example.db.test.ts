import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import type { DescService } from "@bufbuild/protobuf";
import type { ServiceDefinition } from "../service/define-service.ts";
import { startTestService } from "../testing/start-service.ts";
import type { StartedRun } from "./workflow-engine.ts";

interface Example {
  readonly registration: ServiceDefinition<
    DescService,
    Record<never, never>,
    Record<never, never>,
    { register(email: string): Promise<StartedRun>; confirm(email: string, code: string): Promise<void> }
  >;
  readonly people: ReadonlyMap<string, string>;
}

const page = new URL("../../docs/kit/workflow.md", import.meta.url);
const kit = new URL("../", import.meta.url).href;
const migrations = new URL("../testing/testdata/event-log/", import.meta.url);

test("the example of docs/kit/workflow.md runs: a person is registered once confirmed", {
  timeout: 60_000,
}, async (t) => {
  const [, example] = /```ts run\n(.*?)```/s.exec(readFileSync(page, "utf8")) ?? [];
  assert.ok(example);
  const folder = mkdtempSync(join(tmpdir(), "lyss-example-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "example.mts");
  const source = example.replaceAll('"@lyss/kit/', `"${kit}`).replace('"zod"', `"${import.meta.resolve("zod")}"`);
  writeFileSync(file, source);
  const { registration, people }: Example = await import(pathToFileURL(file).href);

  const { ops } = await startTestService(t, { ...registration, migrations }, { clients: {} });
  const run = await ops.register("ann@example.com");
  await ops.confirm("ann@example.com", "1234");
  assert.deepEqual(await run.result(20_000), {
    state: "done",
    results: { person: "usr_1", confirmation: { code: "1234" }, wallet: "wal_1", greeting: undefined },
  });
  assert.deepEqual([...people.values()], ["ann@example.com"]);
});
