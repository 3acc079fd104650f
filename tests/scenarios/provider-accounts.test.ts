import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { sendWord } from "./raw-provider.ts";

// Accounts that refuse our key, have no money or are not there, and are mended; a probe asks them once a second.

const scope = closeInReverse({ after });
/** What each account answers a call and a probe with. */
const says: Record<string, { call: number; list: number }> = {
  refusing: { call: 401, list: 401 },
  poor: { call: 402, list: 200 },
  absent: { call: 503, list: 503 },
  well: { call: 200, list: 404 },
};
const asked: Record<string, { calls: number; lists: number }> = {};

const server = createServer((req, res) => {
  const [, name = ""] = req.url?.split("/") ?? [];
  const { call, list } = says[name] ?? { call: 500, list: 500 };
  asked[name] ??= { calls: 0, lists: 0 };
  const count = asked[name];
  const isList = req.method === "GET";
  if (isList) count.lists++;
  else count.calls++;
  req.resume().on("end", () => {
    const status = isList ? list : call;
    if (status !== 200) res.writeHead(status, { "content-type": "application/json" }).end("{}");
    else if (isList) res.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
    else sendWord(res);
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
scope.after(async () => {
  server.closeAllConnections();
  server.close();
});

let platform: RunningPlatform;
let start = 0n;
before(async () => {
  const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
  const { port } = server.address() as AddressInfo;
  const accounts = ["refusing", "poor", "absent"];
  platform = await runPlatform(scope, {
    config: {
      providers: [...accounts, "well"].map((name) => ({
        name,
        baseUrl: `http://127.0.0.1:${port}/${name}/v1`,
        models: (name === "well" ? accounts : [name]).map((model) => ({ ...price, name: model })),
      })),
      aiGateway: { simulator: false, probes: { everyMs: 1_000 } },
      log: { level: "error" },
    },
  });
  start = (await balanceOf(platform)).available;
});

async function call(model: string): Promise<[provider: string | null, attempts: string | null]> {
  const body = { model, messages: [{ role: "user", content: "hello" }] };
  const answer = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, { body });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return [answer.headers.get("lyss-provider"), answer.headers.get("lyss-attempts")];
}

/** What was said of an account, the oldest first. */
async function changesOf(name: string): Promise<string[]> {
  const path = `${platform.url}/admin/events?type=provider.account.changed&limit=100`;
  const { body } = await requestJson(path, platform.apiKey);
  const events = body["data"] as { id: string; data: Record<string, unknown> }[];
  return events
    .filter(({ data }) => data["name"] === name)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ data }) => [data["state"], data["status"]].filter(Boolean).join(" "));
}

async function waitForChange(name: string, last: string): Promise<void> {
  await waitUntil(async () => (await changesOf(name)).at(-1) === last);
}

test("the owner of a key that is refused is told, and it is let in as soon as it is taken again", async () => {
  await waitUntil(async () => (asked["refusing"]?.lists ?? 0) >= 1);
  assert.deepEqual(await changesOf("refusing"), [], "a key may be good for calls and not for lists");
  assert.deepEqual(await call("refusing"), ["well", "2"]);
  await waitForChange("refusing", "parked 401");
  assert.deepEqual(await call("refusing"), ["well", "1"]);
  assert.equal(asked["refusing"]?.calls, 1);
  says["refusing"] = { call: 200, list: 200 };
  await waitForChange("refusing", "well");
  assert.deepEqual(await call("refusing"), ["refusing", "1"]);
  assert.deepEqual(await changesOf("refusing"), ["parked 401", "well"]);
});

test("R1: a provider that is not there is tried last by the first call already, and first again when it is back", async () => {
  await waitForChange("absent", "ejected");
  assert.deepEqual(await call("absent"), ["well", "1"]);
  assert.equal(asked["absent"]?.calls, 0);
  says["absent"] = { call: 200, list: 200 };
  await waitForChange("absent", "well");
  assert.deepEqual(await call("absent"), ["absent", "1"]);
});

test("an account without money is told of, and not let in by a list that it still shows", async () => {
  assert.deepEqual(await call("poor"), ["well", "2"]);
  await waitForChange("poor", "parked 402");
  const before = asked["poor"]?.lists ?? 0;
  await waitUntil(async () => (asked["poor"]?.lists ?? 0) >= before + 2);
  assert.deepEqual(await call("poor"), ["well", "1"]);
  assert.deepEqual(await changesOf("poor"), ["parked 402"]);
});

test("an account without such a list is left as calls have shown it", async () => {
  await waitUntil(async () => (asked["well"]?.lists ?? 0) >= 1);
  assert.deepEqual(await changesOf("well"), []);
});

test("a probe costs nobody anything", async () => {
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const rows = await listUsage(platform);
  assert.equal(rows.length, 7);
  const spent = rows.reduce((sum, { cost_nanos: nanos }) => sum + BigInt(nanos), 0n);
  const { available, held } = await balanceOf(platform);
  assert.deepEqual([start - available, held], [spent, 0n]);
  await assertMoneyAddsUp(platform);
});
