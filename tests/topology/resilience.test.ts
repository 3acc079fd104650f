import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { runLyss } from "../run-lyss.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

const dataDir = mkdtempSync(join(tmpdir(), "lyss-nodes-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const config = { resilience: { policies: { "provider.simulated": { breaker: {} } } } };
const first = await runPlatform({ after }, { dataDir, config });
const second = await runPlatform({ after }, { dataDir, config });
const { apiKey } = first;

/** What a command prints, spoken to the first node. Throws what it complains of. */
async function command(...args: string[]): Promise<string> {
  const ended = await runLyss(["resilience", ...args], { LYSS_URL: first.url, LYSS_API_KEY: apiKey });
  if (ended.code !== 0) throw new Error(ended.complaint);
  return ended.output;
}

async function levelOf({ url }: RunningPlatform): Promise<string | null> {
  return (await requestJson(`${url}/v1/models`, apiKey)).headers.get("x-lyss-degradation");
}

async function statusOf({ url }: RunningPlatform): Promise<number> {
  const body = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  return (await requestJson(`${url}/v1/chat/completions`, apiKey, { body })).status;
}

/** Every node is seen to be so within a second of the order's answer. */
async function everyNode(isSo: (node: RunningPlatform) => Promise<boolean>, what: string): Promise<void> {
  await Promise.all([first, second].map((node) => waitUntil(() => isSo(node), { withinMs: 1_000, what })));
}

test("a level that is set on one node holds on all within a second, and is given back as fast", async () => {
  const set = (level: string) =>
    requestJson(`${first.url}/admin/degradation`, apiKey, { method: "PUT", body: { level } });
  assert.equal((await set("static")).status, 200);
  await everyNode(async (node) => (await levelOf(node)) === "L3", "the level");
  await set("auto");
  await everyNode(async (node) => (await levelOf(node)) === null, "no level");
});

test("a breaker that is opened on one node is open on all within a second, and is closed as fast", async () => {
  const order = (action: string) =>
    requestJson(`${first.url}/admin/resilience/policies/provider.simulated/breaker`, apiKey, { body: { action } });
  assert.equal((await order("force_open")).status, 200);
  await everyNode(async (node) => (await statusOf(node)) === 503, "the breaker");
  await order("reset");
  await everyNode(async (node) => (await statusOf(node)) === 200, "the closed breaker");
});

test("the command line shows policies and levels, sets them, and explains itself", async () => {
  assert.match(await command("show"), /POLICY[\s\S]*provider\.simulated +\d+ +closed/);
  const state = JSON.parse(await command("show", "--json"));
  assert.deepEqual(state.degradation.features.map(({ feature }: { feature: string }) => feature).sort(), [
    "key-last-used",
    "provider-test",
  ]);
  assert.match(await command("breaker", "provider.simulated", "force_open"), /is open \(by hand\)/);
  assert.match(await command("breaker", "provider.simulated", "reset"), /is closed/);
  assert.match(await command("degrade", "reduced", "--feature", "key-last-used"), /key-last-used +reduced/);
  assert.equal(JSON.parse(await command("degrade", "auto", "--feature", "key-last-used", "--json")).level, "normal");
  await assert.rejects(command("degrade", "L9"), /Allowed choices are auto, normal, reduced, essential, static/);
  await assert.rejects(command("breaker", "provider.nobody", "reset"), /RES_004/);
  for (const name of ["show", "breaker", "degrade"])
    assert.match(await command(name, "--help"), /Usage: lyss resilience/);
});
