import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

let isSilent = false;
const peers = peersThatServe(({ rpc }) => {
  rpc(AuthService.method.startImpersonation, ({ operatorId, operatorSessionId, userId }) => ({
    accessToken: `${operatorId} in ${operatorSessionId} as ${userId}`,
    ...{ expiresInSeconds: 900, sessionId: random.id("ses"), isSilent },
  }));
});
const { ops, listEvents, random, sql } = await startTestService({ after }, user, { clients: peers });
/** The bearer token is the caller: `<tenant>/<person>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, held, provenMs] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !held) return undefined;
    const session = provenMs ? { ...noSession, sessionId: "ses_op", provenMs: Number(provenMs) } : noSession;
    return { tenantId, userId, keyId: "", ...session, permissions: held.split(","), models: [] };
  },
});
after(() => server.close());
const { call } = server;

const password = new Secret("correct horse battery");
const person = (tenantId: string, name: string, role: "operator" | "owner" | "member") =>
  ops.createUser({ tenantId, email: `${name}@example.com`, password, name, role });
const operator = await person("ten_home", "olga", "operator");
const owner = await person("ten_a", "anna", "owner");
const member = await person("ten_a", "mila", "member");
const token = `ten_home/${operator.userId}/*,platform:*`;

test("operators find people of every tenant, and nobody else does", async () => {
  const names = async (query: string) =>
    (await call(token, "GET", `/admin/users${query}`)).json.data.map((row: { name: string }) => row.name);
  assert.deepEqual(await names(""), ["mila", "anna", "olga"]);
  assert.deepEqual(await names("?tenant=ten_a&role=owner"), ["anna"]);
  assert.deepEqual(await names("?search=MILA"), ["mila"]);
  assert.equal((await call(`ten_a/${owner.userId}/*`, "GET", "/admin/users")).status, 403);
});

test("an operator disables a person of any tenant, for a reason that is kept, and enables them again", async () => {
  const path = `/admin/users/${member.userId}`;
  assert.equal((await call(`ten_a/${owner.userId}/*`, "POST", `${path}/disable`, { reason: "x" })).status, 403);
  assert.equal((await call(token, "POST", `${path}/disable`, {})).json.error.details.field, "reason");
  const disabled = await call(token, "POST", `${path}/disable`, { reason: "abuse" });
  assert.deepEqual([disabled.status, disabled.json.status], [200, "suspended"]);
  const said = (await listEvents()).filter(({ type }) => type === "user.updated");
  assert.equal(said.at(-1)?.data["userId"], member.userId);
  const kept = (await listEvents()).filter(({ type }) => type === "user.audit.status_changed").at(-1)?.data;
  assert.deepEqual([kept?.["actorId"], kept?.["clientAddress"]], [operator.userId, "127.0.0.1"]);
  assert.match(String(kept?.["detail"]), /active → suspended \(abuse\)/);
  assert.equal((await call(token, "POST", `${path}/enable`)).json.status, "active");
  assert.equal((await call(token, "POST", "/admin/users/usr_none/disable", { reason: "x" })).status, 404);
  const self = await call(token, "POST", `/admin/users/${operator.userId}/disable`, { reason: "x" });
  assert.equal(self.status, 409);
});

test("an operator invites the first owner of a tenant that has nobody yet, and nobody else invites elsewhere", async () => {
  const path = "/admin/tenants/ten_new/invitations";
  const body = { email: "first@example.com", role: "owner" };
  assert.equal((await call(`ten_a/${owner.userId}/*`, "POST", path, body)).status, 403);
  const invited = await call(token, "POST", path, body);
  assert.deepEqual([invited.status, invited.json.role, invited.json.email], [201, "owner", body.email], invited.text);
  const open = async (caller: string, at: string) => (await call(caller, "GET", at)).json.data;
  assert.deepEqual(await open(token, path), [invited.json]);
  assert.deepEqual(await open(token, "/admin/tenants/ten_a/invitations"), []);
  assert.deepEqual(await open(`ten_new/${owner.userId}/user:invite`, "/api/v1/invitations"), [invited.json]);
  assert.equal((await call(token, "POST", path, { ...body, role: "nobody" })).json.error.code, "USER_080");
});

test("an operator who has just proven who they are acts as a person, for a reason; the person is told and it is kept", async () => {
  const path = `/admin/users/${member.userId}/impersonate`;
  const now = systemClock.nowMs();
  const fresh = `${token}/${now}`;
  assert.equal((await call(token, "POST", path, { reason: "x" })).json.error.code, "KIT_018", "not by a key");
  assert.equal((await call(`${token}/${now - 700_000}`, "POST", path, { reason: "x" })).status, 403, "not long after");
  assert.equal((await call(`ten_a/${owner.userId}/*/${now}`, "POST", path, { reason: "x" })).status, 403);
  assert.equal((await call(fresh, "POST", path, { reason: " " })).json.error.details.field, "reason");
  assert.equal((await call(fresh, "POST", "/admin/users/usr_none/impersonate", { reason: "x" })).status, 404);
  const countMails = async () => (await sql`select from mail_outbox`).length;
  const before = await countMails();
  const { status, json } = await call(fresh, "POST", path, { reason: "ticket 7" });
  assert.deepEqual([status, json.access_token], [200, `${operator.userId} in ses_op as ${member.userId}`]);
  assert.deepEqual([json.expires_in, json.user_id, "refresh_token" in json], [900, member.userId, false]);
  assert.equal(await countMails(), before + 1);
  isSilent = true;
  await call(fresh, "POST", path, { reason: "ticket 8" });
  assert.equal(await countMails(), before + 1);
  const kept = (await listEvents()).filter(({ type }) => type === "user.audit.impersonated").map(({ data }) => data);
  assert.deepEqual(
    kept.map((data) => [data["userId"], data["actorId"], data["detail"]]),
    [
      [member.userId, operator.userId, "ticket 7"],
      [member.userId, operator.userId, "ticket 8"],
    ],
  );
});

test("who lost their factors gets them reset by somebody whose role is not below theirs, who has just proven who they are", async () => {
  const body = { reason: "telephone lost" };
  const countMails = async () => (await sql`select from mail_outbox`).length;
  const before = await countMails();
  const now = systemClock.nowMs();
  const [byOperator, byOwner] = [`${token}/${now}`, `ten_a/${owner.userId}/user:*/${now}`];
  const [any, own] = [`/admin/users/${member.userId}/factors/reset`, `/api/v1/users/${member.userId}/factors/reset`];
  for (const [caller, path, given, status] of [
    [token, any, body, 403],
    [byOwner, any, body, 403],
    [byOperator, any, {}, 400],
    [byOperator, `/admin/users/${operator.userId}/factors/reset`, body, 409],
    [byOwner, `/api/v1/users/${operator.userId}/factors/reset`, body, 404],
    [`ten_a/${member.userId}/user:*/${now}`, `/api/v1/users/${owner.userId}/factors/reset`, body, 403],
    [`ten_a/${member.userId}/user:read/${now}`, own, body, 403],
  ] as const) {
    const { status: got, text } = await call(caller, "POST", path, given);
    assert.equal(got, status, `${path} ${caller} ${text}`);
  }
  assert.equal((await listEvents()).filter(({ type }) => type === "user.factors.reset").length, 0);
  for (const [caller, path, actorId] of [
    [byOperator, any, operator.userId],
    [byOwner, own, owner.userId],
  ] as const) {
    const done = await call(caller, "POST", path, body);
    assert.deepEqual([done.status, done.json], [202, { object: "user.factors_reset", id: member.userId }]);
    const events = await listEvents();
    const said = events.filter(({ type }) => type === "user.factors.reset").at(-1)?.data;
    assert.deepEqual([said?.["userId"], said?.["tenantId"], said?.["actorId"]], [member.userId, "ten_a", actorId]);
    const kept = events.filter(({ type }) => type === "user.audit.factors_reset").at(-1)?.data;
    assert.deepEqual([kept?.["actorId"], kept?.["detail"]], [actorId, "telephone lost"]);
  }
  assert.equal(await countMails(), before + 2);
});
