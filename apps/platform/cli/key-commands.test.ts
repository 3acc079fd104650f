import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { createTestCommands } from "./test-command.ts";

const { ops } = await startTestService({ after }, auth, { clients: {} });
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard: () => ({
    ...{ tenantId: "ten_a", userId: "usr_a", keyId: "", permissions: ["*"], models: [] },
    ...noSession,
  }),
});
after(() => server.close());

const { lyss, shown, json } = createTestCommands(server.url);

async function complained(...words: readonly string[]): Promise<string> {
  const { code, output, complaint } = await lyss(...words);
  assert.deepEqual([code, output], [1, ""], words.join(" "));
  return complaint;
}

test("keys are made with limits, shown, changed, rotated, found and revoked by command", async () => {
  const limits = ["--requests-per-minute", "60", "--tokens-per-minute", "1000", "--concurrent", "3"];
  const places = ["--budget", "25/month", "--allow-ip", "203.0.113.0/24", "::1", "--allow-origin", "https://a.example"];
  const key = await json("keys", "create", "--name", "web", "--description", "shop", ...limits, ...places);
  assert.match(key.secret, /^lyss_\w{36}$/);
  assert.deepEqual([key.requests_per_minute, key.tokens_per_minute, key.max_concurrent_requests], [60, 1_000, 3]);
  assert.deepEqual([key.budget, key.allowed_ips], [{ limit: "25", period: "month" }, ["203.0.113.0/24", "::1"]]);
  const text = await shown("keys", "show", key.id);
  for (const line of [/budget +25\/month/, /from addresses +203\.0\.113\.0\/24, ::1/, /last used +never/]) {
    assert.match(text, line);
  }
  assert.doesNotMatch(text, /lyss_\w{36}/);

  const lifted = ["--requests-per-minute", "none", "--budget", "none", "--allow-ip", "none", "--allow-origin", "none"];
  const changed = await json("key", "update", key.id, "--name", "Shop", ...lifted);
  assert.deepEqual([changed.name, changed.description, changed.tokens_per_minute], ["Shop", "shop", 1_000]);
  assert.deepEqual([changed.requests_per_minute, changed.budget, changed.allowed_ips], [null, null, []]);

  const rotated = await json("keys", "rotate", key.id, "--grace-seconds", "60");
  assert.notEqual(rotated.secret, key.secret);
  assert.match(
    await shown("keys", "list", "--name-prefix", "sho", "--status", "active"),
    new RegExp(`${key.id} +Shop`),
  );
  assert.equal(await shown("keys", "revoke", key.id), `${key.id} is revoked.\n`);
  assert.deepEqual((await json("keys", "list", "--status", "active")).data, []);
});

test("what is wrong with a command is said in a sentence, and every command has help", async () => {
  assert.match(await complained("keys", "create", "--name", "x", "--budget", "25"), /such as 25\/month, not '25'/);
  assert.match(await complained("keys", "create", "--name", "x", "--concurrent", "many"), /whole number, not 'many'/);
  assert.match(
    await complained("keys", "create", "--name", "x", "--allow-ip", "here"),
    /allowed_ips\.0: must be an IP/,
  );
  assert.match(await complained("keys", "show", "key_none"), /no such API key/);
  for (const name of ["create", "list", "show", "update", "rotate", "revoke"]) {
    assert.match(await shown("keys", name, "--help"), new RegExp(`Usage: lyss keys\\S* ${name}[^]*--json`));
  }
});
