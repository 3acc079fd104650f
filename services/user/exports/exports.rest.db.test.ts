import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { bindingOf } from "@lyss/contracts/events/answer-export.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { sealTo } from "@lyss/kit/crypto/seal-to.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { exports } from "../events.ts";
import type { Role } from "../model.ts";
import { user } from "../service.ts";
import { peersThatServe } from "../test-peers.ts";
import { exportEveryMs, exportLifeMs } from "./export-model.ts";

const clock = createFakeClock();
const mailServer = await startMailServer({ after });
const { ops, random, jobs, sql, listEvents, say, hear, untilHeard } = await startTestService({ after }, user, {
  clients: peersThatServe(),
  config: { mail: { url: mailServer.url, from: "Lyss <no-reply@lyss.test>" } },
  clock,
});
await hear();
/** The bearer token is the caller: `<tenant>/<person>/<permissions, by commas>/<key>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, held, keyId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !held) return undefined;
    return { tenantId, userId, keyId, ...noSession, permissions: held.split(","), models: [] };
  },
});
after(() => server.close());
const { call } = server;
const password = new Secret("correct horse battery");

async function createTenant() {
  const tenantId = random.id("ten");
  const person = async (role: Role) => {
    const email = `${random.id(role)}@example.com`;
    const { userId } = await ops.createUser({ tenantId, email, password, name: `The ${role}`, role });
    const held = role === "member" ? "user:read" : "user:*";
    return { userId, email, token: `${tenantId}/${userId}/${held}` };
  };
  return { tenantId, owner: await person("owner"), admin: await person("admin"), member: await person("member") };
}

const pathOf = (userId: string) => `/api/v1/users/${userId}/export`;

/** What the others would say to the request for an export, in two pieces each; all of them unless given. */
async function answer(exportId: string, services: readonly string[] = exports.map(({ service }) => service)) {
  const requested = (await listEvents()).find(({ type, key }) => type === "user.export.requested" && key === exportId);
  const { publicKey, userId = "", tenantId = "" } = (requested?.data ?? {}) as Record<string, string>;
  for (const { service, event } of exports.filter((one) => services.includes(one.service) && one.service !== "user")) {
    const packed = gzipSync(JSON.stringify({ things: [`of ${service}`] }));
    const content = sealTo(random, Buffer.from(publicKey ?? "", "base64"), packed, bindingOf(exportId, service));
    for (const [number, piece] of [content.subarray(0, 50), content.subarray(50)].entries()) {
      await say(event, { exportId, userId, tenantId, number, isLast: number === 1, content: piece });
    }
  }
  await untilHeard();
}

async function mailsTo(email: string) {
  await jobs?.find(({ name }) => name === "send-mails")?.run(new AbortController().signal);
  return mailServer.received.filter(({ to }) => to.includes(email)).map(({ subject }) => subject);
}

test("an export is ready when each service has answered, and is one document without a secret", async () => {
  const { member } = await createTenant();
  const begun = await call(member.token, "POST", pathOf("me"));
  assert.deepEqual([begun.status, begun.json.state, begun.json.download_url], [202, "running", null]);
  assert.deepEqual(
    begun.json.parts.map((part: { service: string }) => part.service),
    ["ai-gateway", "audit", "auth", "billing", "group", "sso", "tenant", "user"],
  );
  const all = exports.map(({ service }) => service);
  await answer(begun.json.id, all.slice(1));
  const early = await call(member.token, "GET", `${pathOf("me")}/download`);
  assert.deepEqual([early.status, early.json.error.code], [409, "USER_071"]);
  assert.match(early.json.error.message, /ai-gateway/);
  await answer(begun.json.id, all.slice(0, 1));
  await answer(begun.json.id, all.slice(0, 2));
  const ready = await call(member.token, "GET", pathOf(member.userId));
  assert.deepEqual([ready.json.state, ready.json.download_url], ["ready", `${pathOf(member.userId)}/download`]);
  assert.deepEqual(await mailsTo(member.email), ["Your data is ready"]);

  const { status, headers, json } = await call(member.token, "GET", `${pathOf("me")}/download`);
  assert.equal(status, 200);
  assert.match(headers.get("content-disposition") ?? "", /^attachment; filename="lyss-export-usr_\w+\.json"$/);
  assert.deepEqual([json.object, json.user_id], ["user.export.document", member.userId]);
  assert.deepEqual(Object.keys(json.services), all);
  assert.deepEqual(json.services.auth, { things: ["of auth"] });
  const { profile, audit_log: log } = json.services.user;
  assert.deepEqual([profile.email, profile.name, profile.has_password], [member.email, "The member", true]);
  assert.ok(log.some((entry: { act: string }) => entry.act === "created"));
  assert.doesNotMatch(JSON.stringify(json), /argon2|password_hash/);
  const { json: audit } = await call(member.token, "GET", "/api/v1/users/me/audit");
  assert.deepEqual(
    audit.data.slice(0, 2).map((row: { event_type: string }) => row.event_type),
    ["user.audit.export_downloaded", "user.audit.export_requested"],
  );
});

test("a repeat within an hour gives the same export, also of two at once; a later one takes its place", async () => {
  const { member } = await createTenant();
  const [first, second] = await Promise.all([0, 1].map(() => call(member.token, "POST", pathOf("me"))));
  assert.equal(first?.json.id, second?.json.id);
  clock.advance(exportEveryMs - 1);
  assert.equal((await call(member.token, "POST", pathOf("me"))).json.id, first?.json.id);
  clock.advance(1);
  const third = await call(member.token, "POST", pathOf("me"));
  assert.notEqual(third.json.id, first?.json.id);
  await answer(first?.json.id);
  assert.equal((await call(member.token, "GET", pathOf("me"))).json.state, "running", "what comes late is passed over");
  const kept = await sql`select from person_export where user_id = ${member.userId}`;
  assert.equal(kept.length, 1);
});

test("an export expires after a week, and what opens it is gone with it", async () => {
  const { member } = await createTenant();
  const { json } = await call(member.token, "POST", pathOf("me"));
  await answer(json.id);
  clock.advance(exportLifeMs - 1);
  assert.equal((await call(member.token, "GET", `${pathOf("me")}/download`)).status, 200);
  clock.advance(1);
  for (const path of [pathOf("me"), `${pathOf("me")}/download`]) {
    const gone = await call(member.token, "GET", path);
    assert.deepEqual([gone.status, gone.json.error.code], [404, "USER_070"]);
  }
  await ops.sweepAccounts();
  const rows = await sql`select export_id from person_export union all select export_id from person_export_part`;
  assert.ok(rows.every(({ export_id: id }) => id !== json.id));
});

test("people export themselves, with user:export those whose role is not above their own; the person is told", async () => {
  const { tenantId, owner, admin, member } = await createTenant();
  const byAdmin = await call(admin.token, "POST", pathOf(member.userId));
  assert.deepEqual([byAdmin.status, byAdmin.json.requested_by], [202, admin.userId]);
  assert.deepEqual(await mailsTo(member.email), ["A copy of your data was asked for"]);
  await answer(byAdmin.json.id);
  assert.deepEqual((await mailsTo(member.email)).length, 1);
  const stranger = await createTenant();
  const refused = [
    [member.token, admin.userId, 403],
    [admin.token, owner.userId, 403],
    [stranger.owner.token, member.userId, 404],
    [`${tenantId}/${admin.userId}/user:read,user:update`, member.userId, 403],
    [`${tenantId}/${member.userId}/user:read/key_1`, "me", 403],
    [owner.token, "usr_nobody", 404],
  ] as const;
  for (const [token, whom, status] of refused) {
    for (const [method, path] of [
      ["POST", pathOf(whom)],
      ["GET", pathOf(whom)],
      ["GET", `${pathOf(whom)}/download`],
    ] as const) {
      assert.equal((await call(token, method, path)).status, status, `${method} ${path} ${token}`);
    }
  }
  assert.equal((await call(admin.token, "GET", `${pathOf(member.userId)}/download`)).status, 200);
});

test("who is removed has no export any more", async () => {
  const { tenantId, member } = await createTenant();
  const { json } = await call(member.token, "POST", pathOf("me"));
  await ops.deleteUser({ userId: member.userId, tenantId, actor: undefined, clientAddress: "" });
  await answer(json.id);
  assert.equal((await sql`select from person_export_part where export_id = ${json.id}`).length, 0);
});
