import assert from "node:assert/strict";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { decodeJwt } from "jose";
import { auth } from "./service.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, { clients: {}, clock });
const { ops, random } = service;
await service.hear();
/** The bearer token is an access token: the caller is what its session may do. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  async guard({ headers: { authorization } }) {
    const read = await ops.readToken({ token: new Secret((authorization ?? "").replace("Bearer ", "")) });
    if (!read?.session) return undefined;
    const { tenantId, userId, permissions, session } = read;
    const { sessionId, operatorId } = session;
    const named = { ...noSession, sessionId, operatorId: operatorId ?? "" };
    return { tenantId, userId, keyId: "", ...named, permissions, models: [] };
  },
});
after(() => server.close());
const { call } = server;

const all = permissionsByRole["operator"] ?? [];
const device = { clientAddress: "192.0.2.1", userAgent: "a browser" };
const signIn = (role: string, tenantId: string, userId = random.id("usr")) =>
  ops.startSession({ ...device, userId, tenantId, role, methods: ["pwd"] }).then((tokens) => ({ ...tokens, userId }));

/** An operator, a member, and the one in the other's name. */
async function begin() {
  const tenantId = random.id("ten");
  const [operator, member] = [await signIn("operator", "ten_home"), await signIn("member", tenantId)];
  const asked = { userId: member.userId, tenantId, role: "member", reason: "ticket 7", ...device };
  const by = { operatorId: operator.userId, operatorSessionId: operator.sessionId, operatorPermissions: all };
  const given = await ops.startImpersonation({ ...asked, ...by });
  return { tenantId, operator, member, given, asked, by };
}

async function signOut(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await fetch(`${server.url}/api/v1/auth/logout`, { method: "POST", headers })).status, 204);
}

const isActive = async (sessionId: string) => (await ops.checkSession({ sessionId })).isActive;
const refusedAs = (type: FailureType) => (err: unknown) => isFailure(err, type);

test("the token is the person's, names the operator who acts, lasts 15 minutes and has no refresh token (RFC 8693)", async () => {
  const { tenantId, operator, member, given } = await begin();
  assert.deepEqual([given.expiresInSeconds, given.isSilent, "refreshToken" in given], [900, false, false]);
  const { sub, act, tenant_id, amr, auth_time, proven_at } = decodeJwt(given.accessToken);
  assert.deepEqual([sub, act, tenant_id], [member.userId, { sub: operator.userId }, tenantId]);
  assert.deepEqual([amr, auth_time, proven_at], [undefined, undefined, undefined], "nobody has shown anything");
  const { json: shown } = await call(given.accessToken, "GET", "/api/v1/auth/validate");
  assert.deepEqual([shown.user_id, shown.operator_id], [member.userId, operator.userId]);
  assert.deepEqual(shown.permissions, permissionsByRole["member"]);
  const admin = await signIn("admin", tenantId);
  const { json } = await call(admin.accessToken, "POST", "/api/v1/auth/introspect", { token: given.accessToken });
  assert.deepEqual([json.active, json.act, json.amr], [true, { sub: operator.userId }, undefined]);
  clock.advance(900_000);
  assert.equal(await isActive(given.sessionId), false);
});

test("the person sees it among their sessions, with who and why, and ends it", async () => {
  const { operator, member, given } = await begin();
  const { json } = await call(member.accessToken, "GET", "/api/v1/auth/sessions");
  const rows = json.data.map((row: Record<string, unknown>) => [row["id"], row["operator_id"], row["reason"]]);
  const shown = [
    [given.sessionId, operator.userId, "ticket 7"],
    [member.sessionId, null, null],
  ];
  // Both began at the same time.
  assert.deepEqual(rows.toSorted(), shown.toSorted());
  assert.equal((await call(member.accessToken, "DELETE", `/api/v1/auth/sessions/${given.sessionId}`)).status, 200);
  assert.equal(await isActive(given.sessionId), false);
  assert.equal(await isActive(member.sessionId), true);
});

test("the operator ends it by signing out of it, by signing out, and by beginning another", async () => {
  const one = await begin();
  await signOut(one.given.accessToken);
  assert.deepEqual([await isActive(one.given.sessionId), await isActive(one.operator.sessionId)], [false, true]);
  const second = await ops.startImpersonation({ ...one.asked, ...one.by });
  const third = await ops.startImpersonation({ ...one.asked, ...one.by });
  assert.deepEqual([await isActive(second.sessionId), await isActive(third.sessionId)], [false, true]);
  await signOut(one.operator.accessToken);
  assert.equal(await isActive(third.sessionId), false);
  assert.equal(await isActive(one.member.sessionId), true);
});

test("it ends when either is barred, the operator is none any more, or the person becomes one", async () => {
  const set = (tenantId: string, userId: string, role: string, isBarred = false) =>
    ops.setPrincipal({ tenantId, userId, role, isBarred, version: 2n });
  for (const change of [
    ({ operator }: Awaited<ReturnType<typeof begin>>) => set("ten_home", operator.userId, "operator", true),
    ({ operator }: Awaited<ReturnType<typeof begin>>) => set("ten_home", operator.userId, "admin"),
    ({ tenantId, member }: Awaited<ReturnType<typeof begin>>) => set(tenantId, member.userId, "member", true),
    ({ tenantId, member }: Awaited<ReturnType<typeof begin>>) => set(tenantId, member.userId, "operator"),
    ({ tenantId }: Awaited<ReturnType<typeof begin>>) => set(tenantId, "", "", true),
  ]) {
    const world = await begin();
    assert.equal(await isActive(world.given.sessionId), true);
    await change(world);
    assert.equal(await isActive(world.given.sessionId), false, change.toString());
  }
});

test("nobody acts for an operator, for themselves, for somebody who may do more, or without a session", async () => {
  const { tenantId, operator, asked, by } = await begin();
  const refuse = (over: object, type: FailureType) =>
    assert.rejects(ops.startImpersonation({ ...asked, ...by, ...over }), refusedAs(type), JSON.stringify(over));
  const other = await signIn("operator", "ten_home");
  const ofOther = { userId: other.userId, tenantId: "ten_home", role: "operator" };
  await refuse(ofOther, authFailures.impersonation_of_operator);
  await refuse({ userId: operator.userId, tenantId: "ten_home" }, authFailures.impersonation_of_operator);
  const owner = await signIn("owner", tenantId);
  const helper = { operatorPermissions: ["platform:impersonate", "user:*"] };
  await refuse({ ...helper, userId: owner.userId, role: "owner" }, authFailures.impersonation_above);
  await refuse(helper, authFailures.impersonation_above);
  await refuse({ operatorPermissions: ["*"] }, kitFailures.permission_denied);
  await refuse({ operatorSessionId: "" }, kitFailures.person_required);
  await ops.setPrincipal({ tenantId, userId: owner.userId, role: "owner", isBarred: true, version: 2n });
  await refuse({ userId: owner.userId, role: "owner" }, authFailures.access_barred);
});

test("in somebody's name keys, factors, sessions and clients are not touched", async () => {
  const { given, member } = await begin();
  for (const [method, path, body] of [
    ["POST", "/v1/keys", { name: "x" }],
    ["DELETE", "/api/v1/auth/sessions", undefined],
    ["DELETE", `/api/v1/auth/sessions/${member.sessionId}`, undefined],
    ["POST", "/api/v1/auth/factors/totp", {}],
    ["POST", "/api/v1/auth/step-up", { method: "totp", code: "123456" }],
    ["POST", "/api/v1/auth/clients", { name: "x", permissions: ["model:call"] }],
  ] as const) {
    const { status, json } = await call(given.accessToken, method, path, body);
    assert.deepEqual([status, json.error.code], [403, "KIT_020"], `${method} ${path}`);
  }
  assert.equal((await call(given.accessToken, "GET", "/v1/keys")).status, 200, "what only reads is done");
});

test("its beginning and end are told, and every node asks anew", async () => {
  const { operator, member, given } = await begin();
  await signOut(given.accessToken);
  const said = (await service.listEvents()).filter(({ data }) => data["sessionId"] === given.sessionId);
  assert.deepEqual(
    said.map(({ type, data }) => [type, data["operatorId"], data["reason"]]),
    [
      ["impersonation.started", operator.userId, "ticket 7"],
      ["session.ended", undefined, "SESSION_END_REASON_SIGNED_OUT"],
      ["access.changed", undefined, undefined],
    ],
  );
  assert.equal(said[0]?.data["userId"], member.userId);
});

test("a tenant decides whether its people are told by mail, and a second factor is not asked of the operator", async () => {
  const { tenantId, asked, by } = await begin();
  const settings = { requireMfa: true, silentImpersonation: true };
  await service.say(tenantUpdated, { tenantId, status: TenantStatus.ACTIVE, settings, version: 3n });
  await service.untilHeard();
  const given = await ops.startImpersonation({ ...asked, ...by });
  assert.equal(given.isSilent, true);
  const verdict = await ops.checkSession({ sessionId: given.sessionId });
  assert.deepEqual(verdict.isActive && verdict.permissions, permissionsByRole["member"]);
});

test("an export tells a person who acted in their name and why, and an operator that they did, not in whose name", async () => {
  const { tenantId, operator, member, given } = await begin();
  const exported = (person: { tenantId: string; userId: string }) =>
    service.db.transaction((tx) => ops.exportPerson(tx, person));
  const { sessions } = (await exported({ tenantId, userId: member.userId })) as Record<string, object[]>;
  const acted = { session_id: given.sessionId, operator_id: operator.userId, reason: "ticket 7" };
  const found = sessions?.find((row) => "operator_id" in row && row.operator_id !== null);
  assert.partialDeepStrictEqual(found, acted);
  const own = await exported({ tenantId: "ten_home", userId: operator.userId });
  assert.partialDeepStrictEqual(own["impersonations"], [{ session_id: given.sessionId, reason: "ticket 7" }]);
  assert.doesNotMatch(JSON.stringify(own["impersonations"]), new RegExp(member.userId));
});
