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
    ...{ tenantId: "ten_a", userId: "usr_a", keyId: "", ...noSession, permissions: ["*"], models: [] },
  }),
});
after(() => server.close());

const { lyss, shown, json } = createTestCommands(server.url);

test("service clients are made, shown, changed, rotated, disabled and removed by command", async () => {
  const made = ["--name", "nightly", "--permission", "model:call", "--allow-ip", "203.0.113.0/24"];
  const client = await json("client", "create", ...made);
  assert.match(client.client_secret, /^lys_\w{36}$/);
  assert.match(await shown("client", "show", client.id), /from addresses +203\.0\.113\.0\/24/);
  const changed = await json("client", "update", client.id, "--allow-ip", "none", "--permission", "billing:read");
  assert.deepEqual([changed.allowed_ips, changed.permissions], [[], ["billing:read"]]);
  const rotated = await json("client", "rotate", client.id, "--grace-seconds", "60");
  assert.notEqual(rotated.client_secret, client.client_secret);
  assert.equal(await shown("client", "disable", client.id), `${client.id} is disabled.\n`);
  assert.match(await shown("client", "list", "--status", "disabled"), new RegExp(`${client.id} +nightly`));
  assert.equal(await shown("client", "enable", client.id), `${client.id} is enabled.\n`);
  assert.equal((await lyss("client", "remove", client.id)).code, 1, "asks for --yes");
  assert.equal(await shown("client", "remove", client.id, "--yes"), `${client.id} is removed.\n`);
  assert.deepEqual((await json("clients", "list")).data, []);
});
