import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { balanceOf, waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

const chat = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
const startCount = 10_000_000_000n;

/** A request on a connection of its own, so that any of the processes may get it; resolves when its answer begins. */
async function open({ url, apiKey }: Pick<RunningPlatform, "url" | "apiKey">, path: string, body?: object) {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const req = request(`${url}${path}`, { method: body ? "POST" : "GET", headers, agent: false });
  req.end(body && JSON.stringify(body));
  const [res] = (await once(req, "response")) as [IncomingMessage];
  return { status: res.statusCode, body: text(res) };
}

const call = (platform: RunningPlatform, body: object = chat) => open(platform, "/v1/chat/completions", body);

/** Of a counter in the metrics, by process. */
async function countByProcess(platform: RunningPlatform, name: string): Promise<Record<string, number>> {
  const body = await (await open(platform, "/metrics")).body;
  const counts: Record<string, number> = {};
  for (const [, process = "", value] of body.matchAll(
    new RegExp(`^${name}\\{.*process="([\\w-]+)"\\} (\\d+)$`, "gm"),
  )) {
    counts[process] = (counts[process] ?? 0) + Number(value);
  }
  return counts;
}

/** The gateway processes that have been started, newest last. */
function pidsOf(platform: RunningPlatform): number[] {
  const started = platform
    .output()
    .split("\n")
    .filter((line) => line.includes("a gateway process is started"));
  return started.map((line) => JSON.parse(line).pid);
}

const until = (isTrue: () => boolean | Promise<boolean>, what: string) => waitUntil(isTrue, { withinMs: 60_000, what });

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("several gateway processes share one port, one wallet and one first start; one that dies is started again", async (t) => {
  const platform = await runPlatform(t, { args: ["--gateways", "2"], config: {} });
  const [first = 0] = pidsOf(platform);
  const { body: keys } = await requestJson(`${platform.url}/v1/keys`, platform.apiKey);
  assert.equal((keys["data"] as unknown[]).length, 1);

  const answers = await Promise.all(Array.from({ length: 40 }, () => call(platform)));
  assert.ok(answers.every(({ status }) => status === 200));
  await waitForNoHold(platform);
  const { body: usage } = await requestJson(`${platform.url}/v1/billing/usage?limit=200`, platform.apiKey);
  const costs = (usage["data"] as { cost_nanos: string }[]).map((row) => BigInt(row.cost_nanos));
  assert.equal(costs.length, 40);
  const spent = costs.reduce((sum, cost) => sum + cost, 0n);
  assert.deepEqual(await balanceOf(platform), { available: startCount - spent, held: 0n });

  const { "gateway-1": one = 0, "gateway-2": two = 0, main } = await countByProcess(platform, "llm_requests_total");
  assert.deepEqual([one + two, main, one > 0, two > 0], [40, undefined, true, true], `${one} and ${two}`);
  const metrics = await (await open(platform, "/metrics")).body;
  const types = metrics.match(/^# TYPE \S+/gm) ?? [];
  assert.equal(new Set(types).size, types.length, "a metric of several processes is told once");

  const limit = 200;
  const made = await open(platform, "/v1/keys", { name: "limited", requests_per_minute: limit });
  assert.equal(made.status, 201, await made.body);
  const { secret } = JSON.parse(await made.body);
  let passed = 0;
  const startedMs = performance.now();
  for (let refused = 0; refused < 20; ) {
    const { status } = await open({ url: platform.url, apiKey: secret }, "/v1/models");
    if (status === 200) passed++;
    else refused++;
  }
  // What a minute allows comes again as time goes by. By itself each of the two would let as many through.
  const allowed = limit * (1 + (performance.now() - startedMs) / 60_000);
  assert.ok(passed >= limit && passed < allowed * 1.5, `of ${allowed} that are allowed ${passed} were let through`);

  writeFileSync(join(platform.dataDir, "lyss.yaml"), "degradation: { level: reduced }");
  await until(async () => {
    const levels = await countByProcess(platform, "resilience_degradation_level");
    return Object.keys(levels).length === 3 && Object.values(levels).every((level) => level > 0);
  }, "a change of the file reaches all");

  process.kill(first, "SIGKILL");
  await until(() => platform.output().includes("a gateway process has ended"), "it was killed");
  for (let i = 0; i < 10; i++) assert.equal((await call(platform)).status, 200, "the other one goes on");
  await until(() => platform.output().includes("a gateway process takes calls again"), "it is started again");
  const again = await Promise.all(Array.from({ length: 10 }, () => call(platform)));
  assert.ok(again.every(({ status }) => status === 200));
  const served = await countByProcess(platform, "llm_requests_total");
  assert.ok((served["gateway-1"] ?? 0) > 0, "the new one gets its part");
  assert.equal(await platform.stop(), 0);
  assert.deepEqual(pidsOf(platform).filter(isAlive), []);
});

test("a stop lets the calls of every gateway process end; what dies with its starter holds no port", async (t) => {
  const platform = await runPlatform(t, { args: ["--gateways", "2"] });
  const messages = [{ role: "user", content: "simulate.tokens=40 simulate.token_delay_ms=25" }];
  const slow = { model: "simulated-chat", stream: true, messages };
  const streams = await Promise.all(Array.from({ length: 4 }, () => call(platform, slow)));
  assert.equal(await platform.stop(), 0);
  for (const { status, body } of streams) {
    assert.equal(status, 200, await body);
    assert.match(await body, /data: \[DONE\]\n\n$/);
  }

  const again = await runPlatform(t, { dataDir: platform.dataDir, args: ["--gateways", "2"] });
  const pids = pidsOf(again);
  await again.kill();
  await until(() => !pids.some(isAlive), "gateway processes end with the process that started them");
  await runPlatform(t, { dataDir: platform.dataDir });
});

test("what cannot be run as several gateways is said", async () => {
  const up = (...args: string[]) => runLyss(["up", "--data-dir", "/nonexistent/lyss", ...args]);
  const { complaint: range } = await up("--gateways", "0");
  assert.match(range, /gateways/);
  const { complaint: part, code } = await up("--gateways", "2", "--run", "auth,api-gateway");
  assert.match(part, /gateways is 2, and run leaves out ai-gateway/);
  assert.equal(code, 1);
});
