import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { waitFor } from "@lyss/kit/testing/wait-until.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const limits = { timeout: 600_000 };
const shop = fileURLToPath(new URL("../operator-program.ts", import.meta.url));

const platform = await runPlatform({ after });
const { dataDir, url, apiKey } = platform;
const lyss = (...words: readonly string[]) => runLyss(words, { LYSS_DATA_DIR: dataDir, LYSS_URL: url });
const notes = 150;
const permissionDenied = kitFailures.permission_denied.publicCode;
/** The other team's programs that were started. */
const running: ChildProcess[] = [];
after(() => Promise.all(running.map(stopShop)));

/** What a command prints as JSON. */
async function lyssJson(...args: readonly string[]) {
  const { code, output, complaint } = await lyss(...args, "--json");
  assert.equal(code, 0, complaint);
  return JSON.parse(output);
}

function breakShop(name: string): void {
  writeFileSync(join(dataDir, name), "");
}

function mendShop(name: string): void {
  rmSync(join(dataDir, name));
}

/** The other team's program; resolves when it runs. */
async function startShop(said: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [shop, dataDir, String(said)], { stdio: ["ignore", "pipe", "inherit"] });
  const [ready] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  assert.match(String(ready), /program is running/);
  running.push(child);
  return child;
}

async function stopShop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

/** Asks the platform until what it says is so. */
const until = (path: string, isSo: (body: Record<string, unknown>) => boolean) =>
  waitFor(async () => {
    const { body } = await requestJson(`${url}${path}`, apiKey);
    return isSo(body) ? body : undefined;
  });

const parkedOf = (body: Record<string, unknown>) => body["parked"];
const notesPath = "/admin/events/subscriptions/test-shop/notes";

test("an operator sees what is parked and why, mends it, and redrives it", limits, async () => {
  breakShop("broken");
  breakShop("no-bank");
  await startShop(notes);
  await until(notesPath, (body) => parkedOf(body) === 1 && body["behind"] === 0);
  const [lag] = await lyssJson("events", "lag", "--service", "test-shop");
  assert.deepEqual([lag.subscription, lag.behind, lag.parked, lag.live], ["test-shop/notes", 0, 1, true]);
  const [parked] = (await lyssJson("events", "parked", "test-shop/notes")).data;
  assert.deepEqual(
    [parked.event.data, parked.attempts, parked.last_error],
    ["7", 10, "Error: note 7 cannot be handled"],
  );
  const shown = await lyss("events", "show", parked.event.id);
  assert.match(shown.output, /test-shop\/notes +parked +10 +Error: note 7/);

  const again = await lyssJson("events", "redrive", "test-shop/notes", "--wait");
  assert.deepEqual([again.state, again.handled, again.failed], ["done", 0, 1]);
  mendShop("broken");
  const redriven = await lyssJson("events", "redrive", "test-shop/notes", "--id", parked.event.id, "--wait");
  assert.deepEqual([redriven.state, redriven.handled, redriven.total], ["done", 1, 1]);
  assert.deepEqual((await lyssJson("events", "parked", "test-shop/notes")).data, []);
  assert.equal((await lyssJson("events", "show", parked.event.id)).receivers[0].state, "handled");
});

test("a parked workflow is resumed and a waiting one canceled, from a process that hosts neither", limits, async () => {
  const [paying, asking] = ["test-shop/paying/1", "test-shop/asking/1"];
  await until("/admin/workflows/counts", ({ parked, running }) => parked === 1 && running === 1);
  const listed = await lyssJson("workflows", "list", "--state", "parked");
  assert.deepEqual([listed.data[0].id, listed.counts.parked], [paying, 1]);
  assert.match(
    (await lyss("workflows", "show", paying)).output,
    /failure +pay: .*\n[\s\S]*STEP +TRIES[\s\S]*order +1 /,
  );
  mendShop("no-bank");
  await lyssJson("workflows", "resume", paying);
  const canceled = await lyssJson("workflows", "cancel", asking, "--yes");
  assert.equal(canceled.id, asking);
  await until("/admin/workflows/counts", ({ done, compensated }) => done === 1 && compensated === 1);
  assert.equal((await lyssJson("workflows", "show", asking)).failure.code, "workflow.canceled");
  const notParked = await lyss("workflows", "resume", paying);
  assert.match(notParked.complaint, /is not parked/);
});

test("a process that is killed in the middle of a replay goes on after it, and the replay ends", limits, async () => {
  breakShop("deadly");
  await Promise.all(running.map(stopShop));
  const child = await startShop(0);
  const exited = once(child, "exit");
  const { id, total } = await lyssJson("events", "replay", "start", "test-shop/notes");
  assert.equal(total, notes);
  assert.deepEqual(await exited, [null, "SIGKILL"]);
  const halfway = await lyssJson("events", "replay", "show", id);
  assert.deepEqual([halfway.state, halfway.handled], ["running", 100]);
  mendShop("deadly");
  await startShop(0);
  await until(`/admin/events/operations/${id}`, ({ state }) => state === "done");
  const shown = await lyssJson("events", "replay", "show", id);
  assert.deepEqual([shown.state, shown.handled, shown.last_error], ["done", notes, ""]);
  const canceled = await lyss("events", "replay", "cancel", id, "--yes");
  assert.equal(canceled.code, 1);
  assert.match(canceled.complaint, /is done: this is not possible/);
});

test("the log is listed, followed and described from the command line", limits, async () => {
  const page = await lyssJson("events", "list", "--type", "test.noted", "--oldest-first", "--limit", "2");
  assert.deepEqual(
    page.data.map(({ data, specversion }: { data: string; specversion: string }) => [data, specversion]),
    [
      ["1", "1.0"],
      ["2", "1.0"],
    ],
  );
  const next = await lyssJson(
    "events",
    "list",
    "--type",
    "test.noted",
    "--oldest-first",
    "--limit",
    "1",
    "--cursor",
    page.next_cursor,
  );
  assert.equal(next.data[0].data, "3");
  const tail = await lyss("events", "tail", "--type", "test.noted", "--after", "0", "--count", "3", "--json");
  assert.equal(tail.output.trim().split("\n").length, 3);
  const types = (await lyssJson("events", "types")).data.map(({ type }: { type: string }) => type);
  assert.ok(types.includes("test.noted") && types.includes("key.created"));
  assert.equal((await lyssJson("events", "subscriptions", "--service", "test-shop")).data[0].name, "notes");
  assert.ok((await lyssJson("events", "operations")).data.length >= 3);
});

test(
  "what cannot be undone asks for --yes, wrong input says what is right, and each command explains itself",
  limits,
  async () => {
    for (const args of [
      ["events", "skip", "test-shop/notes"],
      ["events", "forget", "test-shop/notes"],
      ["events", "replay", "cancel", "opn_1"],
      ["workflows", "cancel", "a/b/c"],
    ]) {
      const { code, complaint } = await lyss(...args);
      assert.equal(code, 1);
      assert.match(complaint, /--yes/, args.join(" "));
    }
    for (const [args, said] of [
      [["events", "parked", "notes"], /service\/subscription/],
      [["events", "parked", "test-shop/none"], /no subscription 'none'/],
      [["events", "forget", "test-shop/notes", "--yes"], /still has the subscription/],
      [["events", "replay", "start", "test-shop/notes", "--type", "odd"], /does not hear 'odd'.*test\.noted/],
      [["events", "replay", "start", "test-shop/notes", "--speed", "fast"], /max, original or a number/],
      [["events", "show", "evt_none"], /no event 'evt_none'/],
      [["workflows", "show", "a/b/c"], /no workflow run 'a\/b\/c'/],
    ] as const) {
      const { code, complaint } = await lyss(...args);
      assert.equal(code, 1, args.join(" "));
      assert.match(complaint, said);
      assert.ok(!complaint.includes("at file://"), complaint);
    }
    for (const command of [
      "list",
      "show",
      "types",
      "subscriptions",
      "lag",
      "parked",
      "redrive",
      "skip",
      "forget",
      "tail",
    ]) {
      assert.match((await lyss("events", command, "--help")).output, /Example:\n {2}lyss events/, command);
    }
  },
);

test(
  "a tenant's owner gets 403 on every route below /admin, and cannot make a key that gets more",
  limits,
  async () => {
    const body = { name: "owner", permissions: ["*"] };
    const owner = String((await requestJson(`${url}/v1/keys`, apiKey, { body })).body["secret"]);
    const document = (await requestJson(`${url}/openapi.json`, "")).body;
    const paths = Object.entries(document["paths"] as Record<string, object>).filter(([path]) =>
      path.startsWith("/admin"),
    );
    assert.ok(paths.length >= 15);
    for (const [path, methods] of paths) {
      for (const method of Object.keys(methods).map((name) => name.toUpperCase())) {
        const there = `${url}${path.replace(/\{\w+\}/g, "x")}`;
        // Some of them answer with a file.
        const refusalFor = async (key: string) => {
          const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
          const res = await fetch(there, { method, headers, ...(method === "POST" && { body: "{}" }) });
          const text = await res.text();
          return res.status === 403 ? JSON.parse(text).error.code : "";
        };
        assert.equal(await refusalFor(owner), permissionDenied, `${method} ${path}`);
        // A key of an operator may be asked for a proof that only a person can give.
        assert.notEqual(await refusalFor(apiKey), permissionDenied, `${method} ${path} for an operator`);
      }
    }
    const more = await requestJson(`${url}/v1/keys`, owner, {
      body: { name: "more", permissions: ["platform:events"] },
    });
    assert.equal(more.status, 403);
    const events = await requestJson(`${url}/api/v1/events?type=key.created`, owner);
    assert.ok((events.body["data"] as unknown[]).length >= 2);
  },
);
