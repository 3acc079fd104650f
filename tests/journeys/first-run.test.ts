import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const lyss = fileURLToPath(new URL("../../bin/lyss", import.meta.url));

function createDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "lyss-first-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A command of the CLI, run to its end as a user runs it. */
function runProgram(args: readonly string[], env: Record<string, string> = {}) {
  const result = spawnSync(process.execPath, [lyss, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    encoding: "utf8",
    timeout: 60_000,
  });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

test("the first start prints what it made and keeps it for its owner alone; later starts print no secret", async (t) => {
  const dataDir = createDataDir();
  const first = await runPlatform(t, { dataDir });
  const file = join(dataDir, "first-run.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const made = JSON.parse(readFileSync(file, "utf8"));
  assert.deepEqual(Object.keys(made), ["url", "adminEmail", "adminPassword", "apiKey"]);
  for (const value of Object.values(made)) assert.ok(first.output().includes(String(value)));
  assert.match(first.output(), /curl http:\S+\/v1\/chat\/completions/);
  const { body } = await requestJson(`${first.url}/v1/billing/balance`, made.apiKey);
  assert.equal(body["available"], "10");
  const login = { grant_type: "password", username: made.adminEmail, password: made.adminPassword };
  const token = await requestJson(`${first.url}/v1/auth/token`, "", { body: login });
  assert.equal((await requestJson(`${first.url}/v1/models`, String(token.body["access_token"]))).status, 200);
  assert.equal(await first.stop(), 0);

  const second = await runPlatform(t, { dataDir });
  assert.ok(!second.output().includes(made.apiKey) && !second.output().includes(made.adminPassword));
  assert.equal((await requestJson(`${second.url}/v1/models`, made.apiKey)).status, 200);
  assert.equal(readFileSync(file, "utf8"), `${JSON.stringify(made, null, 2)}\n`);
});

test("a first start that is killed half way is finished by the next", async (t) => {
  const dataDir = createDataDir();
  // Killed as soon as the listener is open: somewhere in the making of tenant, admin, wallet and key.
  const killed = await runPlatform(t, { dataDir, readyWhen: /"listening"/ });
  await killed.kill();
  const { url, apiKey } = await runPlatform(t, { dataDir });
  const { body } = await requestJson(`${url}/v1/billing/balance`, apiKey);
  assert.equal(body["available"], "10");
});

test("two starts on one data directory share the database and make one tenant", async (t) => {
  const dataDir = createDataDir();
  const [one, two] = await Promise.all([runPlatform(t, { dataDir }), runPlatform(t, { dataDir })]);
  const { apiKey } = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
  for (const { url } of [one, two]) assert.equal((await requestJson(`${url}/v1/models`, apiKey)).status, 200);
});

test("configuration that is wrong stops the start and names key, value and reason", () => {
  const dataDir = createDataDir();
  const file = join(dataDir, "bad.yaml");
  writeFileSync(
    file,
    "http:\n  prot: 1\n  port: 99999\nproviders:\n  - { name: Bad Name, baseUrl: ftp://x, models: [] }\n",
  );
  const { code, stderr } = runProgram(["up", "--config", file], { LYSS_DATA_DIR: dataDir, LYSS_HTPP_PORT: "1" });
  assert.equal(code, 1);
  for (const part of [
    "http.prot",
    "http.port",
    "http.port",
    "99999",
    "LYSS_HTPP_PORT",
    "LYSS_HTTP_PORT",
    "Bad Name",
    "ftp://x",
  ]) {
    assert.ok(stderr.includes(part), `${part} is missing in: ${stderr}`);
  }
  assert.ok(!stderr.includes("at file://") && !existsSync(join(dataDir, "postgres")));
});

test("a port that is taken is said so, without a stack", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const { code, stderr } = runProgram(["up"], { LYSS_DATA_DIR: createDataDir(), LYSS_HTTP_PORT: String(port) });
  assert.equal(code, 1);
  assert.match(stderr, /another program listens there already/);
  assert.ok(!stderr.includes("at file://"), stderr);
});

test("the command line makes keys, shows money and usage, and explains itself", async (t) => {
  const platform = await runPlatform(t);
  const { url, dataDir } = platform;
  const env = { LYSS_DATA_DIR: dataDir, LYSS_URL: url };
  const json = (...args: string[]) => {
    const { code, stdout, stderr } = runProgram([...args, "--json"], env);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const key = json("key", "create", "--name", "cli");
  const chat = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  assert.equal((await requestJson(`${url}/v1/chat/completions`, key.secret, { body: chat })).status, 200);
  await waitForNoHold(platform);
  assert.equal(json("usage").data[0].key_id, key.id);
  assert.equal(
    json("wallet", "top-up", "2.5", "--reference", "r").available,
    json("wallet", "top-up", "2.5", "--reference", "r").available,
  );
  assert.equal(json("provider", "list").data[0].name, "simulated");
  assert.equal(json("provider", "test", "simulated").reachable, true);
  assert.equal(json("providers", "show", "simulated").models[0].health.state, "well");
  assert.equal(json("models", "list").data[0].id, "simulated-chat");
  assert.ok(json("prices", "list").data.some((it: { model: string }) => it.model === "simulated-chat"));
  const set = json("prices", "set", "simulated", "simulated-chat", "--input", "0.15", "--rate", "reasoning=2.5");
  const rates = { input: "150000000", reasoning: "2500000000" };
  assert.deepEqual([set.data[0].version, set.data[0].terms.rates], [2, rates]);
  assert.equal(json("prices", "show", "simulated", "simulated-chat").data.length, 2);
  assert.equal(json("plans", "set", "partners", "--markup", "-12.5").markup_ppm, -125_000);
  const [called] = json("prices", "dry-run", "--plan", "partners").data;
  assert.deepEqual([called.model, called.calls, called.cheaper], ["simulated-chat", 1, 1]);
  json("provider", "add", "mine", "--base-url", "https://api.example.com/v1", "--model", "some-model=1.5/2");
  const [mine] = json("provider", "list").data;
  assert.deepEqual([mine.name, mine.source, mine.models[0].output_usd_per_million], ["mine", "tenant", "2"]);
  json("provider", "remove", "mine");
  json("key", "revoke", key.id);
  assert.ok(
    json("key", "list").data.some((it: { id: string; revoked_at: string }) => it.id === key.id && it.revoked_at),
  );
  assert.ok(json("doctor", "--url", url).every((finding: { ok: boolean }) => finding.ok));
  assert.match(json("version").version, /^\d+\.\d+\.\d+$/);
  for (const command of [[], ["up"], ["key"], ["key", "create"], ["provider"], ["wallet"], ["usage"], ["doctor"]]) {
    const { code, output } = await runLyss([...command, "--help"]);
    assert.equal(code, 0);
    assert.match(output, /Usage: lyss/);
  }
  const nowhere = runProgram(["usage"], { LYSS_DATA_DIR: createDataDir() });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /first-run\.json/);
});
