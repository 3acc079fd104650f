import assert from "node:assert/strict";
import { after, test } from "node:test";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { AuthService, KeyRevocationReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import { fromTraceparent } from "@lyss/kit/rpc/context-headers.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

const clock = createFakeClock();
let isAuthAway = false;
let sessions = 0;
const servePeers: Parameters<typeof peersThatServe>[0] = ({ rpc }) => {
  rpc(AuthService.method.startSession, () => {
    if (isAuthAway) throw new Failure(kitFailures.unavailable, { service: "auth" });
    return { result: { case: "tokens", value: { accessToken: "token", sessionId: `ses_${++sessions}` } } };
  });
};
const service = await startTestService({ after }, user, {
  clients: peersThatServe(servePeers),
  config: { user: { freeFailuresPerAccount: 3 } },
  clock,
});
const { ops, sql, random } = service;
await service.hear();
const password = new Secret("correct horse battery");
const wrong = new Secret("wrong horse battery");

function createUser(input: { readonly actorId?: string } = {}) {
  const email = `${random.id("p")}@example.com`;
  return ops.createUser({ tenantId: "ten_a", email, password, name: "Ann", role: "member", ...input });
}

/** The log, oldest first: act, actor, address, subject. */
async function logOf(userId: string): Promise<readonly (readonly string[])[]> {
  const rows = await sql<{ type: string; data: Record<string, string> }[]>`
    select type, data from event_log.event where stream = ${`user-audit/${userId}`} order by revision`;
  return rows.map(({ type, data }) => [
    type.replace("user.audit.", ""),
    ...[data["actorId"] ?? "", data["clientAddress"] ?? "", data["subjectId"] ?? ""],
  ]);
}

/** Adds entries, each with a transaction of its own. */
function addEntries(userId: string, count: number): Promise<unknown> {
  const of = {
    kind: "keyCreated",
    userId,
    tenantId: "ten_a",
    actorId: "usr_a",
    clientAddress: "",
    happenedAtMs: 0,
  } as const;
  const acts = Array.from({ length: count }, () => ({ ...of, keyId: random.id("key"), causeId: random.id("evt") }));
  return Promise.all(acts.map((act) => service.db.transaction((tx) => ops.auditKeyAct(tx, act))));
}

const verify = (userId: string) => ops.verifyUserAudit({ userId, tenantId: undefined, reader: undefined });

test("what is done by and to a person is in the log, with who did it and from where, and no secret is", async () => {
  const { userId, email } = await createUser({ actorId: "usr_admin" });
  await ops.signIn({ email, password, clientAddress: "192.0.2.1" });
  await assert.rejects(ops.signIn({ email, password: wrong, clientAddress: "192.0.2.2" }));
  await ops.flushRefusedSignIns();
  await ops.setPassword({ email, password: new Secret("another horse battery") });
  assert.deepEqual(await logOf(userId), [
    ["created", "usr_admin", "", ""],
    ["signed_in", userId, "192.0.2.1", ""],
    ["sign_in_refused", "", "192.0.2.2", ""],
    ["password_set", "", "", ""],
  ]);
  const [all] = await sql`
    select string_agg(to_jsonb(e)::text, '') as text from event_log.event e where stream is not null`;
  assert.doesNotMatch(all?.["text"], /horse|argon2|example\.com/);
  assert.deepEqual(await verify(userId), { isIntact: true, entries: 4, brokenVersion: 0 });
});

test("an act that does not happen leaves no entry, and nobody is let in without one", async () => {
  const ann = await createUser();
  const [before] = await sql`select count(*)::int as entries from event_log.event`;
  await assert.rejects(ops.createUser({ tenantId: "ten_a", email: ann.email, password, name: "Eve", role: "member" }));
  await assert.rejects(ops.setPassword({ email: "nobody@example.com", password }));
  isAuthAway = true;
  await assert.rejects(ops.signIn({ email: ann.email, password, clientAddress: "" }));
  isAuthAway = false;
  const [afterwards] = await sql`select count(*)::int as entries from event_log.event`;
  assert.equal(afterwards?.["entries"], before?.["entries"]);
  await sql`alter table audit_head rename to audit_head_away`;
  await assert.rejects(ops.signIn({ email: ann.email, password, clientAddress: "" }));
  await sql`alter table audit_head_away rename to audit_head`;
});

test("guessing fills no log: what the back-off refuses is not written", async () => {
  const { userId, email } = await createUser();
  for (let n = 0; n < 50; n++) await ops.signIn({ email, password: wrong, clientAddress: "" }).catch(() => {});
  await ops.flushRefusedSignIns();
  assert.equal((await logOf(userId)).length, 1 + 3);
  await assert.rejects(ops.signIn({ email: "nobody@example.com", password: wrong, clientAddress: "" }));
  await ops.flushRefusedSignIns();
  const [unknown] = await sql`select count(*)::int as heads from audit_head where user_id = ''`;
  assert.equal(unknown?.["heads"], 0);
});

test("what auth says of a person's keys is written once, however often it is told", async () => {
  const { userId } = await createUser();
  const of = { keyId: "key_1", tenantId: "ten_a", userId };
  const now = timestampFromDate(new Date(clock.nowMs()));
  await service.say(keyCreated, { ...of, createdAt: now, createdBy: "usr_admin", clientAddress: "192.0.2.7" });
  await service.say(keyRevoked, { ...of, reason: KeyRevocationReason.ROTATED, effectiveAt: now, revokedBy: userId });
  await service.say(keyUpdated, { ...of, updatedAt: now, updatedBy: "usr_admin", changedFields: ["name"] });
  await service.say(keyRevoked, { ...of, reason: KeyRevocationReason.REVOKED, effectiveAt: now });
  await service.say(keyRevoked, { ...of, reason: KeyRevocationReason.LEAKED, clientAddress: "192.0.2.9" });
  await service.say(keyRevoked, { ...of, userId: "usr_none", reason: KeyRevocationReason.REVOKED });
  await service.untilHeard();
  const expected = [
    ["created", "", "", ""],
    ["key_created", "usr_admin", "192.0.2.7", "key_1"],
    ["key_rotated", userId, "", "key_1"],
    ["key_updated", "usr_admin", "", "key_1"],
    ["key_revoked", "", "", "key_1"],
    ["key_leaked", "", "192.0.2.9", "key_1"],
  ];
  assert.deepEqual(await logOf(userId), expected);
  assert.equal((await logOf("usr_none")).length, 0);
  const act = { kind: "keyRevoked", ...of, actorId: "", clientAddress: "", happenedAtMs: 0, causeId: "evt_x" } as const;
  for (let n = 0; n < 2; n++) await service.db.transaction((tx) => ops.auditKeyAct(tx, act));
  assert.equal((await logOf(userId)).length, expected.length + 1);
  assert.deepEqual(await verify(userId), { isIntact: true, entries: 7, brokenVersion: 0 });
});

test("what follows from an act in somebody's name names the operator, and what is handled beside it nobody", async () => {
  const { userId } = await createUser();
  const of = { keyId: "key_2", tenantId: "ten_a", userId, createdBy: userId };
  const context = { ...fromTraceparent(undefined), caller: undefined, deadlineMs: undefined, locale: "en_US" as const };
  // Both lie in the log before either is heard, so that one transaction may have both.
  await service.db.transaction(async () => {
    await runInContext({ ...context, operatorId: "usr_op" }, () => service.say(keyCreated, of));
    await service.say(keyCreated, { ...of, keyId: "key_3" });
  });
  await service.untilHeard();
  const rows = await sql`
    select data->>'subjectId' as key, coalesce(data->>'operatorId', '') as entry, operator from event_log.event
    where stream = ${`user-audit/${userId}`} and type = 'user.audit.key_created' order by revision`;
  assert.deepEqual(
    rows.map(({ key, entry, operator }) => [key, entry, operator]),
    [
      ["key_2", "usr_op", "usr_op"],
      ["key_3", "", ""],
    ],
  );
  assert.equal((await verify(userId)).isIntact, true);
});

test("entries that are added at once form one chain", async () => {
  const { userId } = await createUser();
  await addEntries(userId, 20);
  assert.deepEqual(await verify(userId), { isIntact: true, entries: 21, brokenVersion: 0 });
});

test("whatever is done to a log's rows is found: altered, removed, cut off, moved, put in", async () => {
  const spoilings: readonly (readonly [name: string, spoil: (userId: string) => Promise<unknown>, entries: number])[] =
    [
      [
        "altered data",
        (id) =>
          sql`update event_log.event set data = data || '{"actorId": "usr_eve"}' where key = ${id} and revision = 3`,
        3,
      ],
      [
        "altered type",
        (id) => sql`update event_log.event set type = 'user.audit.password_set' where key = ${id} and revision = 3`,
        3,
      ],
      ["removed", (id) => sql`delete from event_log.event where key = ${id} and revision = 3`, 2],
      ["cut off", (id) => sql`delete from event_log.event where key = ${id} and revision > 3`, 3],
      ["emptied", (id) => sql`delete from event_log.event where key = ${id} and stream is not null`, 0],
      [
        "closed up",
        async (id) => {
          await sql`delete from event_log.event where key = ${id} and revision = 3`;
          await sql`update event_log.event set revision = revision + 100 where key = ${id} and revision > 3`;
          await sql`update event_log.event set revision = revision - 101 where key = ${id} and revision > 100`;
        },
        2,
      ],
      [
        "last one altered",
        (id) => sql`update event_log.event set data = data - 'actorId' where key = ${id} and revision = 5`,
        5,
      ],
    ];
  for (const [name, spoil, entries] of spoilings) {
    const { userId } = await createUser();
    await addEntries(userId, 4);
    assert.equal((await verify(userId)).isIntact, true);
    await spoil(userId);
    assert.deepEqual(await verify(userId), { isIntact: false, entries, brokenVersion: Math.max(1, entries) }, name);
  }
});
