import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { requestJson, runPlatform } from "../run-platform.ts";

const lyss = fileURLToPath(new URL("../../bin/lyss", import.meta.url));
const { dataDir, url, apiKey } = await runPlatform({ after });

async function runLyss(...args: readonly string[]) {
  const env = { PATH: process.env["PATH"] ?? "", LYSS_DATA_DIR: dataDir, LYSS_URL: url };
  const child = spawn(process.execPath, [lyss, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code, stdout, stderr };
}

const costPrice = {
  ...{ provider: "simulated", model: "simulated-chat", input_nanos_per_million: "1000000" },
  ...{ cached_input_nanos_per_million: "0", output_nanos_per_million: "2000000" },
};
const put = await requestJson(`${url}/admin/billing/cost-prices`, apiKey, {
  method: "PUT",
  body: { prices: [costPrice] },
});
assert.equal(put.status, 200);

test("`lyss billing verify` checks the money of a running platform and says so, in words and as JSON", async () => {
  const body = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  assert.equal((await requestJson(`${url}/v1/chat/completions`, apiKey, { body })).status, 200);
  const shown = await runLyss("billing", "verify");
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /state +passed/);
  const { code, stdout } = await runLyss("billing", "verify", "--json");
  assert.equal(code, 0);
  const { state, wallets, findings, digest } = JSON.parse(stdout);
  assert.deepEqual([state, wallets, findings], ["passed", 1, []]);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test("`lyss billing rebuild` looks by default, writes only when that is said twice, and finds nothing to write", async () => {
  const looked = await runLyss("billing", "rebuild", "--json");
  assert.deepEqual([looked.code, JSON.parse(looked.stdout)], [0, { checked: 1, applied: false, differences: [] }]);
  const unsure = await runLyss("billing", "rebuild", "--apply");
  assert.equal(unsure.code, 1);
  assert.match(unsure.stderr, /--yes/);
  const applied = await runLyss("billing", "rebuild", "--apply", "--yes");
  assert.deepEqual([applied.code, applied.stdout], [0, "0 of 1 wallets were set to what the journal says.\n"]);
});

test("`lyss billing reconcile` compares a report with what was recorded, and ends with 1 where they drift apart", async () => {
  const report = join(dataDir, "report.csv");
  const day = new Date().toISOString().slice(0, 10);
  const reconcile = async (cost: string) => {
    writeFileSync(report, `day,model,cost\n${day},simulated-chat,${cost}\n`);
    return runLyss("billing", "reconcile", "--provider", "simulated", "--file", report, "--json");
  };
  const near = await reconcile("0.000000050");
  assert.equal(near.code, 0, near.stderr);
  const far = await reconcile("12.5");
  assert.equal(far.code, 1);
  assert.match(far.stderr, /drift apart by 12\.49/);
  const [difference] = JSON.parse(far.stdout).differences;
  assert.deepEqual([difference.day, difference.model, difference.state], [day, "simulated-chat", "drift"]);
  const missing = await runLyss("billing", "reconcile", "--provider", "simulated", "--file", join(dataDir, "none.csv"));
  assert.match(missing.stderr, /none\.csv cannot be read/);
});
