import assert from "node:assert/strict";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import {
  groupArchived,
  groupCreated,
  groupMemberAdded,
  groupMemberRemoved,
  groupUpdated,
} from "@lyss/contracts/events/group.ts";
import { userCreated, userDeleted } from "@lyss/contracts/events/user.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "../service.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, { clients: {}, clock });
const { ops, listEvents } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<person>/<role>`. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, role] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !role) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permissionsByRole[role] ?? [], models: [] };
  },
});
after(() => server.close());
const { call } = server;
const grantor = { userId: "usr_admin", permissions: ["*"], models: [] };

/** A tenant with an admin, ann in two groups, and bob in none. */
async function createTenant(name: string) {
  const tenantId = `ten_${name}`;
  const of = (person: string) => `${person}_${name}`;
  const [first, second] = [of("grp_first"), of("grp_second")];
  for (const [userId, role] of [
    [of("usr_admin"), "admin"],
    [of("usr_ann"), "member"],
    [of("usr_bob"), "member"],
  ] as const) {
    await service.say(userCreated, { userId, tenantId, role });
  }
  for (const groupId of [first, second]) {
    await service.say(groupCreated, { groupId, tenantId, name: groupId === first ? "Research" : "Night" });
    await service.say(groupMemberAdded, { groupId, tenantId, userId: of("usr_ann"), role: "member" });
  }
  await service.untilHeard();
  const { secret } = await ops.createKey({
    ...{ tenantId, userId: of("usr_ann"), name: "k", permissions: [], models: [], expiresAt: null, grantor },
  });
  return {
    ...{ tenantId, of, first, second },
    ...{ admin: `${tenantId}/${of("usr_admin")}/admin`, ann: `${tenantId}/${of("usr_ann")}/member` },
    bob: `${tenantId}/${of("usr_bob")}/member`,
    pathOf: (id: string) => `/api/v1/${id.startsWith("grp_") ? "groups" : "users"}/${id}/limits`,
    async held() {
      const verdict = await ops.verifyKey({ secret: new Secret(secret.reveal()) });
      assert.ok(verdict.isVerified);
      return verdict.heldLimits;
    },
    said: async () =>
      (await listEvents()).filter(({ type, data }) => /limits_changed/.test(type) && data.tenantId === tenantId),
  };
}

const none = { requests_per_minute: null, max_concurrent_requests: null };

test("each limit of a group is set, changed and lifted by itself; a repeat says nothing new", async () => {
  const { admin, ann, first, pathOf, said, of } = await createTenant("each");
  const shown = { object: "group.limits", group_id: first, ...none, tokens_per_minute: null };
  assert.deepEqual((await call(ann, "GET", pathOf(first))).json, shown);
  const limits = { requests_per_minute: 60, max_concurrent_requests: 4, tokens_per_minute: 100_000 };
  for (const [name, value] of Object.entries(limits)) {
    const { status, json } = await call(admin, "PATCH", pathOf(first), { [name]: value });
    assert.deepEqual([status, json[name]], [200, value]);
  }
  assert.deepEqual((await call(ann, "GET", pathOf(first))).json, { ...shown, ...limits });
  await call(admin, "PATCH", pathOf(first), limits);
  await call(admin, "PATCH", pathOf(first), { requests_per_minute: null });
  const events = await said();
  assert.deepEqual(
    events.map(({ type, key }) => [type, key]),
    Array(4).fill(["group.limits_changed", first]),
  );
  assert.partialDeepStrictEqual(events.at(-1)?.data, {
    limits: { maxConcurrentRequests: 4, tokensPerMinute: "100000" },
    limitsBefore: { requestsPerMinute: 60, maxConcurrentRequests: 4, tokensPerMinute: "100000" },
    changedBy: of("usr_admin"),
  });
  assert.ok(!("requestsPerMinute" in Object(events.at(-1)?.data["limits"])));
});

test("changes of one group's limits that come together all count", async () => {
  const { admin, first, pathOf } = await createTenant("race");
  await Promise.all([
    call(admin, "PATCH", pathOf(first), { requests_per_minute: 1 }),
    call(admin, "PATCH", pathOf(first), { max_concurrent_requests: 2 }),
    call(admin, "PATCH", pathOf(first), { tokens_per_minute: 3 }),
  ]);
  const { json } = await call(admin, "GET", pathOf(first));
  assert.deepEqual([json.requests_per_minute, json.max_concurrent_requests, json.tokens_per_minute], [1, 2, 3]);
});

test("a key is held by its person's limits and those of each group that the person is in, and by nobody else's", async () => {
  const { admin, first, second, of, pathOf, held, tenantId } = await createTenant("held");
  assert.deepEqual(await held(), []);
  await call(admin, "PATCH", pathOf(of("usr_ann")), { max_concurrent_requests: 3 });
  await call(admin, "PATCH", pathOf(of("usr_bob")), { requests_per_minute: 1 });
  await call(admin, "PATCH", pathOf(first), { requests_per_minute: 60 });
  await call(admin, "PATCH", pathOf(second), { requests_per_minute: 30, max_concurrent_requests: 2 });
  const ofAnn = { subject: "user", subjectId: of("usr_ann"), name: "" };
  const ofFirst = { subject: "group", subjectId: first, name: "Research" };
  const ofSecond = { subject: "group", subjectId: second, name: "Night" };
  const all = [
    { ...ofAnn, requestsPerMinute: null, maxConcurrentRequests: 3 },
    { ...ofFirst, requestsPerMinute: 60, maxConcurrentRequests: null },
    { ...ofSecond, requestsPerMinute: 30, maxConcurrentRequests: 2 },
  ];
  assert.deepEqual(await held(), all);
  const started = await ops.startSession({
    ...{ userId: of("usr_ann"), role: "member", methods: ["pwd"], tenantId, clientAddress: "", userAgent: "" },
  });
  const session = await ops.checkSession({ sessionId: started.sessionId });
  assert.deepEqual(session.isActive && session.heldLimits, all, "and so is a session");
  await call(admin, "PATCH", pathOf(first), { requests_per_minute: null, tokens_per_minute: 5 });
  assert.deepEqual(await held(), [all[0], all[2]], "tokens are not the edge's");
});

test("who leaves a group, or whose group is archived, is held by it no longer; a renamed one says its new name", async () => {
  const { admin, first, second, pathOf, held, said, of, tenantId } = await createTenant("left");
  for (const id of [first, second]) await call(admin, "PATCH", pathOf(id), { requests_per_minute: 9 });
  const names = async () => (await held()).map(({ name }) => name);
  await service.say(groupUpdated, { groupId: first, tenantId, name: "Science" });
  await service.untilHeard();
  assert.deepEqual(await names(), ["Science", "Night"]);
  await service.say(groupMemberRemoved, { groupId: first, tenantId, userId: of("usr_ann") });
  await service.say(groupArchived, { groupId: second, tenantId });
  await service.untilHeard();
  assert.deepEqual(await names(), []);
  const ended = (await said()).filter(({ key }) => key === second).at(-1)?.data;
  assert.deepEqual([ended?.["limits"], ended?.["limitsBefore"]], [{}, { requestsPerMinute: 9 }]);
  const { status, json } = await call(admin, "PATCH", pathOf(second), { requests_per_minute: 1 });
  assert.deepEqual([status, json.error.code], [409, "GROUP_006"]);
});

test("limits of a person end with the person", async () => {
  const { admin, of, pathOf, said, tenantId } = await createTenant("gone");
  await call(admin, "PATCH", pathOf(of("usr_ann")), { requests_per_minute: 9 });
  for (let time = 0; time < 2; time++) {
    await service.say(userDeleted, { userId: of("usr_ann"), tenantId, version: 9n });
    await service.untilHeard();
  }
  const rows = await service.sql`select from subject_limit where tenant_id = ${tenantId}`;
  assert.deepEqual([rows.length, (await said()).map(({ data }) => data.limits)], [0, [{ requestsPerMinute: 9 }, {}]]);
});

test("limits are set by who manages groups or keys, and seen by whom they hold; for others there is no such group or person", async () => {
  const { admin, ann, bob, first, of, pathOf } = await createTenant("who");
  const stranger = "ten_strange/usr_owner/owner";
  const cases = [
    [first, admin, 200, 200],
    [first, ann, 200, 403],
    [first, bob, 404, 403],
    [first, stranger, 404, 404],
    ["grp_none", admin, 404, 404],
    [of("usr_ann"), admin, 200, 200],
    [of("usr_ann"), ann, 200, 403],
    [of("usr_ann"), bob, 404, 403],
    [of("usr_ann"), stranger, 404, 404],
    ["usr_none", admin, 404, 404],
  ] as const;
  for (const [id, token, read, change] of cases) {
    const seen = (await call(token, "GET", pathOf(id))).status;
    const changed = (await call(token, "PATCH", pathOf(id), { requests_per_minute: 1 })).status;
    assert.deepEqual([seen, changed], [read, change], `${token} ${id}`);
  }
  const own = await call(ann, "GET", "/api/v1/users/me/limits");
  assert.deepEqual(own.json, {
    ...{ object: "user.limits", user_id: of("usr_ann"), requests_per_minute: 1, max_concurrent_requests: null },
  });
});

test("bounds are those of keys, and an error names the field in the caller's language", async () => {
  const { admin, first, of, pathOf } = await createTenant("bounds");
  for (const [id, body] of [
    [first, { requests_per_minute: 0 }],
    [first, { requests_per_minute: 1_000_001 }],
    [first, { max_concurrent_requests: 10_001 }],
    [first, { tokens_per_minute: 1_000_000_001 }],
    [first, { tokens_per_minute: "1" }],
    [first, { budget: { limit: "1", period: "day" } }],
    [of("usr_ann"), { requests_per_minute: 1.5 }],
    [of("usr_ann"), { tokens_per_minute: 1 }],
  ] as const) {
    const { status, json } = await call(admin, "PATCH", pathOf(id), body, { "accept-language": "zh-CN" });
    assert.deepEqual([status, json.error?.details.field], [400, Object.keys(body)[0]], JSON.stringify(body));
    assert.match(json.error.message, /\p{Script=Han}/u);
  }
});

test("that a limit is met is told once a minute, with whose it is and who met it, on however many nodes", async () => {
  const { admin, first, of, pathOf, tenantId } = await createTenant("met");
  await call(admin, "PATCH", pathOf(first), { requests_per_minute: 5, tokens_per_minute: 1 });
  await call(admin, "PATCH", pathOf(of("usr_ann")), { max_concurrent_requests: 2 });
  const by = { userId: of("usr_ann"), keyId: "key_ann" };
  const ofGroup = { tenantId, subject: "group", subjectId: first, of: "requests", ...by } as const;
  const note = (what: Parameters<typeof ops.noteLimitReached>[0]) => ops.noteLimitReached(what);
  const told = await Promise.all([note(ofGroup), note(ofGroup), note(ofGroup)]);
  assert.deepEqual(told.sort(), [false, false, true]);
  clock.advance(59_999);
  assert.equal(await note(ofGroup), false);
  clock.advance(1);
  assert.equal(await note(ofGroup), true);
  assert.equal(await note({ ...ofGroup, subject: "user", subjectId: of("usr_ann"), of: "concurrent" }), true);
  assert.equal(await note({ ...ofGroup, subject: "user", subjectId: of("usr_bob") }), false, "there is no such limit");
  const events = (await listEvents()).filter(
    ({ type, data }) => /limit_reached/.test(type) && data["tenantId"] === tenantId,
  );
  const groupSaid = { tenantId, subjectId: first, name: "Research", of: "requests", limit: 5, ...by };
  assert.deepEqual(
    events.map(({ type, data }) => [type, data]),
    [
      ["group.limit_reached", groupSaid],
      ["group.limit_reached", groupSaid],
      ["user.limit_reached", { tenantId, subjectId: of("usr_ann"), of: "concurrent", limit: 2, ...by }],
    ],
  );
});
