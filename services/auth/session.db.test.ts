import assert from "node:assert/strict";
import { after, test } from "node:test";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, {
  ...{ clients: {}, clock },
  config: { auth: { maxSessionsPerPerson: 3 } },
});
const { ops, sql, random } = service;
const tenantId = "ten_a";
const minuteMs = 60_000;

function signIn(userId = random.id("usr"), methods = ["pwd"]) {
  const person = { userId, tenantId, role: "member", methods, clientAddress: "192.0.2.1", userAgent: "a browser" };
  return ops.startSession(person).then((tokens) => ({ ...tokens, userId }));
}

const refresh = (refreshToken: string) =>
  ops.refreshSession({ refreshToken: new Secret(refreshToken), clientAddress: "192.0.2.9" });
const isActive = async (sessionId: string) => (await ops.checkSession({ sessionId })).isActive;
const isRefused = (err: unknown) => isFailure(err, authFailures.refresh_token_refused);

async function eventsOf(key: string) {
  const events = await service.listEvents();
  return events.filter((event) => event.key === key).map(({ type, data }) => ({ type, data }));
}

test("I1: a refresh token shown 100 times at once has one successor, and everybody gets that one", async () => {
  const { refreshToken, sessionId } = await signIn();
  const pairs = await Promise.all(Array.from({ length: 100 }, () => refresh(refreshToken)));
  assert.equal(new Set(pairs.map((pair) => pair.refreshToken)).size, 1);
  assert.equal(new Set(pairs.map((pair) => pair.accessToken)).size, 1);
  const [count] = await sql<{ tokens: number }[]>`
    select count(*)::int as tokens from refresh_token where session_id = ${sessionId}`;
  assert.equal(count?.tokens, 2);
  clock.advance(4_999);
  assert.equal((await refresh(refreshToken)).refreshToken, pairs[0]?.refreshToken);
  assert.equal(await isActive(sessionId), true);
});

test("I2: a used token that is shown after the grace ends its session, with an event that says so", async () => {
  const { refreshToken, sessionId, userId } = await signIn();
  const next = await refresh(refreshToken);
  clock.advance(5_001);
  await assert.rejects(refresh(refreshToken), isRefused);
  assert.equal(await isActive(sessionId), false);
  await assert.rejects(refresh(next.refreshToken), isRefused);
  const [started, ended] = await eventsOf(sessionId);
  assert.deepEqual([started?.type, ended?.type], ["session.started", "session.ended"]);
  assert.ok(ended);
  assert.deepEqual(
    [ended.data.reason, ended.data.userId, ended.data.clientAddress],
    ["SESSION_END_REASON_REUSE", userId, "192.0.2.9"],
  );
  const [changed] = await eventsOf(userId);
  assert.deepEqual([changed?.type, changed?.data.sessionId], ["access.changed", sessionId]);
});

test("a successor that was used answers no earlier token for longer than the grace", async () => {
  const { refreshToken, sessionId } = await signIn();
  const second = await refresh(refreshToken);
  await sql`update refresh_token set answered_at = null where session_id = ${sessionId}`;
  clock.advance(30_000);
  // Nobody is known to have got the answer: it is given again.
  assert.equal((await refresh(refreshToken)).refreshToken, second.refreshToken);
  await sql`update refresh_token set answered_at = null where session_id = ${sessionId}`;
  await refresh(second.refreshToken);
  clock.advance(6_000);
  await assert.rejects(refresh(refreshToken), isRefused);
  assert.equal(await isActive(sessionId), false);
});

test("a session ends when it is not refreshed, and at its latest end whatever is done", async () => {
  const idle = await signIn();
  clock.advance(14 * 1_440 * minuteMs);
  await assert.rejects(refresh(idle.refreshToken), isRefused);

  let { refreshToken, sessionId } = await signIn();
  for (let day = 0; day < 29; day++) {
    clock.advance(1_440 * minuteMs);
    ({ refreshToken } = await refresh(refreshToken));
  }
  assert.equal(await isActive(sessionId), true);
  clock.advance(1_440 * minuteMs);
  assert.equal(await isActive(sessionId), false);
  await assert.rejects(refresh(refreshToken), isRefused);
});

test("a session ends when whoever vouched for its person stops doing so, however often it is refreshed", async () => {
  const userId = random.id("usr");
  const notAfter = new Date(clock.nowMs() + 20 * minuteMs);
  const person = { userId, tenantId, role: "member", methods: ["fed"], clientAddress: "", userAgent: "", notAfter };
  const first = await ops.startSession(person);
  assert.equal(first.refreshExpiresInSeconds, 20 * 60);
  clock.advance(10 * minuteMs);
  const second = await refresh(first.refreshToken);
  assert.deepEqual([second.refreshExpiresInSeconds, second.expiresInSeconds], [600, 600]);
  clock.advance(10 * minuteMs - 1);
  assert.equal(await isActive(first.sessionId), true);
  clock.advance(1);
  assert.equal(await isActive(first.sessionId), false);
  await assert.rejects(refresh(second.refreshToken), isRefused);
});

test("what a session may do is what its person's role says now, and a later word wins", async () => {
  const { sessionId, userId } = await signIn();
  const roleNow = async () => {
    const verdict = await ops.checkSession({ sessionId });
    return verdict.isActive ? verdict.role : undefined;
  };
  assert.equal(await roleNow(), "member");
  const told = { tenantId, userId, role: "viewer", isBarred: false, version: 20n };
  assert.deepEqual(await ops.setPrincipal(told), { isApplied: true });
  assert.equal(await roleNow(), "viewer");
  assert.deepEqual(await ops.setPrincipal(told), { isApplied: false });
  assert.deepEqual(await ops.setPrincipal({ ...told, role: "owner", version: 19n }), { isApplied: false });
  assert.equal(await roleNow(), "viewer");
  assert.equal((await signIn(userId)).userId, userId);
  // A role that there is not permits nothing: what was held before ends in any case.
  assert.deepEqual(await ops.setPrincipal({ ...told, role: "root", version: 21n }), { isApplied: true });
  assert.equal(await roleNow(), undefined);
  await assert.rejects(signIn(userId), (err) => isFailure(err, authFailures.role_unknown));
});

test("who is barred is signed out and cannot sign in; a barred tenant's sessions rest until it is not", async () => {
  const { sessionId, userId, refreshToken } = await signIn();
  const other = await signIn();
  await ops.setPrincipal({ tenantId, userId, role: "member", isBarred: true, version: 1n });
  assert.equal(await isActive(sessionId), false);
  await assert.rejects(refresh(refreshToken), isRefused);
  await assert.rejects(signIn(userId), (err) => isFailure(err, authFailures.access_barred));
  assert.equal(await isActive(other.sessionId), true);

  const whole = { tenantId, userId: "", role: "" };
  await ops.setPrincipal({ ...whole, isBarred: true, version: 1n });
  assert.equal(await isActive(other.sessionId), false);
  await assert.rejects(refresh(other.refreshToken), isRefused);
  await assert.rejects(signIn(), (err) => isFailure(err, authFailures.access_barred));
  await ops.setPrincipal({ ...whole, isBarred: false, version: 2n });
  assert.equal(await isActive(other.sessionId), true);
  await refresh(other.refreshToken);
  assert.equal(await isActive(sessionId), false);
});

test("sessions end one by one, all but one, or all, and another's are out of reach", async () => {
  const userId = random.id("usr");
  const [a, b, c] = [await signIn(userId), await signIn(userId), await signIn(userId)];
  const end = (sessionId: string | undefined, exceptSessionId: string | undefined, whose = userId) =>
    ops.endSessions({
      ...{ tenantId, userId: whose, sessionId, exceptSessionId },
      ...{ reason: "revoked", actorId: userId, clientAddress: "" },
    });
  assert.deepEqual(await end(a.sessionId, undefined, "usr_other"), { ended: 0 });
  assert.deepEqual(await end(a.sessionId, undefined), { ended: 1 });
  assert.deepEqual(await end(a.sessionId, undefined), { ended: 0 });
  assert.deepEqual(await end(undefined, c.sessionId), { ended: 1 });
  assert.deepEqual([await isActive(b.sessionId), await isActive(c.sessionId)], [false, true]);
  assert.deepEqual(await end(undefined, undefined), { ended: 1 });
  const told = (await eventsOf(c.sessionId)).map(({ type }) => type);
  assert.deepEqual(told, ["session.started", "session.ended"]);
});

test("a person's oldest session ends for one too many", async () => {
  const userId = random.id("usr");
  const first = await signIn(userId);
  clock.advance(1);
  for (let i = 0; i < 3; i++) await signIn(userId);
  assert.equal(await isActive(first.sessionId), false);
  const [, ended] = await eventsOf(first.sessionId);
  assert.equal(ended?.data.reason, "SESSION_END_REASON_TOO_MANY");
});

test("junk is refused without a look-up, and no token stands in the database or in an event", async () => {
  const { refreshToken, accessToken } = await signIn(undefined, ["pwd", "otp"]);
  const next = await refresh(refreshToken);
  for (const junk of ["", "lyr_", accessToken, `${refreshToken}0`, refreshToken.replace("lyr_", "lyss_")]) {
    await assert.rejects(refresh(junk), isRefused, junk);
  }
  const rows = await sql`
    select to_jsonb(refresh_token)::text || to_jsonb(session)::text as row from refresh_token join session using (session_id)
    union all select coalesce(data::text, '') from event_log.event`;
  const all = JSON.stringify(rows);
  for (const secret of [refreshToken, next.refreshToken, accessToken, next.accessToken]) {
    assert.equal(all.includes(secret), false);
    assert.equal(all.includes(Buffer.from(secret).toString("hex")), false);
  }
});

test("what is sealed for a repeat is gone soon after the grace, and tokens that expired are forgotten", async () => {
  const { refreshToken, sessionId } = await signIn();
  await refresh(refreshToken);
  await ops.sweepSessions();
  const count = async () => {
    const [row] = await sql<{ sealed: number; tokens: number }[]>`
      select count(sealed_successor)::int as sealed, count(*)::int as tokens
      from refresh_token where session_id = ${sessionId}`;
    return [row?.sealed, row?.tokens];
  };
  assert.deepEqual(await count(), [1, 2]);
  clock.advance(5_001);
  await ops.sweepSessions();
  assert.deepEqual(await count(), [0, 2]);
  clock.advance(15 * 1_440 * minuteMs);
  await ops.sweepSessions();
  assert.deepEqual(await count(), [0, 0]);
});

test("open sessions and active keys of all tenants are counted; what is over is not", async () => {
  const before = await ops.countAccess();
  const { userId, sessionId } = await signIn();
  await signIn();
  const grantor = { userId, permissions: ["*"], models: [] };
  const makeKey = (expiresAt: Date | null) =>
    ops.createKey({ tenantId: "ten_b", userId, name: "k", permissions: [], models: [], expiresAt, grantor });
  const [{ key }] = await Promise.all([makeKey(null), makeKey(null), makeKey(new Date(clock.nowMs() + 1_000))]);
  assert.deepEqual(await ops.countAccess(), { sessions: before.sessions + 2, keys: before.keys + 3 });
  clock.advance(1_000);
  await ops.revokeKey({ tenantId: "ten_b", keyId: key.keyId, userId: undefined });
  const ending = { reason: "revoked", actorId: "", clientAddress: "" } as const;
  await ops.endSessions({ tenantId, userId, sessionId, exceptSessionId: undefined, ...ending });
  assert.deepEqual(await ops.countAccess(), { sessions: before.sessions + 1, keys: before.keys + 1 });
});
