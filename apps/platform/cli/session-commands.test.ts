import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { runCommand } from "./run-command.ts";

const { ops } = await startTestService({ after }, auth, { clients: {} });
const tenantId = "ten_a";
const signIn = (userId: string) =>
  ops.startSession({
    ...{ userId, tenantId, role: "member", methods: ["pwd", "otp"] },
    ...{ clientAddress: "192.0.2.1", userAgent: "a browser" },
  });
const [own, other] = [await signIn("usr_a"), await signIn("usr_a")];
const guest = await signIn("usr_b");
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard: () => ({
    ...{ tenantId, userId: "usr_a", keyId: "", ...noSession, sessionId: own.sessionId },
    ...{ permissions: ["*"], models: [] },
  }),
});
after(() => server.close());

async function lyss(...words: readonly string[]): Promise<string> {
  let said = "";
  const say = (text: string) => {
    said += text;
  };
  await runCommand(["session", ...words], {
    ...{ env: { LYSS_URL: server.url, LYSS_API_KEY: "key" }, locale: "en_US", write: say, complain: say },
    ...{ readInput: () => Promise.resolve(""), pause: () => Promise.resolve() },
  });
  return said;
}

test("sessions are listed and ended by command: one, or all of a person's", async () => {
  const listed = await lyss("list");
  assert.match(
    listed,
    new RegExp(`^SESSION +SINCE[^]*${other.sessionId} [^]*${own.sessionId} \\* .*192\\.0\\.2\\.1 +pwd\\+otp`),
  );
  assert.match(await lyss("list", "--limit", "1"), /\n\nMore: --cursor /);
  assert.match(await lyss("list", "--user", "usr_b"), new RegExp(guest.sessionId));
  assert.match(await lyss("end"), /Name one session, or give --all/);
  assert.equal(await lyss("end", other.sessionId), "Ended: 1.\n");
  assert.match(await lyss("end", guest.sessionId), /no such session/);
  assert.equal(await lyss("end", "--all", "--user", "usr_b"), "Ended: 1.\n");
  assert.equal((await ops.checkSession({ sessionId: own.sessionId })).isActive, true);
});
