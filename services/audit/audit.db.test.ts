import assert from "node:assert/strict";
import { after, test } from "node:test";
import { commitAddress, digestEntry } from "@lyss/contracts/audit/entry-digest.ts";
import { keyCreated } from "@lyss/contracts/events/auth.ts";
import { ssoConnectionCreated, ssoConnectionDeleted, ssoConnectionUpdated } from "@lyss/contracts/events/sso.ts";
import { userDeleted } from "@lyss/contracts/events/user.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { audit } from "./service.ts";

const dayMs = 86_400_000;
/** Days that have passed. Only the wall moves: none of the timers of so long a time has to run. */
let days = 0;
const fake = createFakeClock();
const clock = { ...fake, nowMs: () => fake.nowMs() + days * dayMs };
const service = await startTestService({ after }, audit, {
  clients: {},
  config: { audit: { retentionDays: 30 } },
  clock,
});
const { ops, sql, random, db } = service;
await service.hear();
const never = new AbortController().signal;

/** Every test works in a tenant of its own. */
const newTenant = () => random.id("ten");

function keep(
  tenantId: string,
  given: {
    readonly eventId?: string;
    readonly act?: string;
    readonly actorId?: string;
    readonly subjectId?: string;
  } = {},
) {
  const act = {
    ...{ eventId: random.id("evt"), act: "key.created", tenantId, actorId: "usr_a", operatorId: "" },
    ...{ subjectKind: "key", subjectId: "key_1", clientAddress: "192.0.2.1", happenedAtMs: clock.nowMs() },
    ...{ details: { userId: "usr_a" }, ...given },
  };
  return db.transaction((tx) => ops.keepEntry(tx, act));
}

async function keepMany(tenantId: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await keep(tenantId);
}

const verify = (chain: string, afterSequence = 0) => ops.verifyAuditChain({ chain, afterSequence });
async function reasonOf(chain: string): Promise<readonly unknown[]> {
  const { isIntact, brokenSequence, reason } = await verify(chain);
  return [isIntact, brokenSequence, reason];
}
const entriesOf = async (chain: string) => (await ops.listAuditEntries({ chain, limit: 200 })).rows;

test("what a service says becomes an entry of the tenant's log", async () => {
  const tenantId = newTenant();
  await service.say(keyCreated, {
    keyId: "key_9",
    tenantId,
    userId: "usr_a",
    createdBy: "usr_b",
    clientAddress: "::1",
  });
  await service.untilHeard();
  const [entry] = await entriesOf(tenantId);
  assert.deepEqual(
    [entry?.act, entry?.sequence, entry?.actorId, entry?.subjectId, entry?.clientAddress, entry?.details],
    ["key.created", 1, "usr_b", "key_9", "::1", '{"userId":"usr_a"}'],
  );
});

test("who set up, changed and removed a sign-on connection stands in the log", async () => {
  const tenantId = newTenant();
  const of = { connectionId: "sso_1", tenantId, name: "Acme", kind: "oidc", clientAddress: "192.0.2.1" };
  await service.say(ssoConnectionCreated, { ...of, version: 1n, actorId: "usr_a" });
  await service.say(ssoConnectionUpdated, { ...of, version: 2n, actorId: "usr_b" });
  await service.say(ssoConnectionDeleted, { ...of, version: 3n, actorId: "usr_c" });
  await service.untilHeard();
  const entries = await entriesOf(tenantId);
  assert.deepEqual(
    entries.map(({ act, actorId, subjectKind, subjectId, clientAddress }) => [
      act,
      actorId,
      subjectKind,
      subjectId,
      clientAddress,
    ]),
    [
      ["sso.connection.deleted", "usr_c", "sso_connection", "sso_1", "192.0.2.1"],
      ["sso.connection.updated", "usr_b", "sso_connection", "sso_1", "192.0.2.1"],
      ["sso.connection.created", "usr_a", "sso_connection", "sso_1", "192.0.2.1"],
    ],
  );
});

test("50 acts of one tenant at once, each told twice, are 50 entries without gaps that hold together", async () => {
  const tenantId = newTenant();
  const eventIds = Array.from({ length: 50 }, () => random.id("evt"));
  await Promise.all([...eventIds, ...eventIds].map((eventId) => keep(tenantId, { eventId })));
  const entries = await entriesOf(tenantId);
  assert.deepEqual(
    entries.map(({ sequence }) => sequence),
    Array.from({ length: 50 }, (_, index) => 50 - index),
  );
  const { isIntact, isComplete, entries: checked } = await verify(tenantId);
  assert.deepEqual([isIntact, isComplete, checked], [true, true, 50]);
});

test("a log of which nothing was written is intact", async () => {
  assert.deepEqual(await reasonOf(newTenant()), [true, 0, undefined]);
});

test("whatever of an entry is changed, the check names the entry", async () => {
  const changes = {
    act: sql`act = 'key.revoked'`,
    actor: sql`actor_id = 'usr_x'`,
    operator: sql`operator_id = 'usr_x'`,
    kind: sql`subject_kind = 'user'`,
    subject: sql`subject_id = 'key_x'`,
    happened: sql`happened_at = happened_at + interval '1 second'`,
    recorded: sql`recorded_at = recorded_at + interval '1 second'`,
    details: sql`details = '{}'`,
    noJson: sql`details = '{'`,
    event: sql`event_id = event_id || 'x'`,
    id: sql`entry_id = entry_id || 'x'`,
    previous: sql`previous_digest = digest`,
    digest: sql`digest = previous_digest`,
    commitment: sql`address_digest = digest`,
  };
  for (const [name, change] of Object.entries(changes)) {
    const tenantId = newTenant();
    await keepMany(tenantId, 3);
    await sql`update entry set ${change} where chain = ${tenantId} and sequence = 2`;
    assert.deepEqual(await reasonOf(tenantId), [false, 2, "entry_altered"], name);
  }
});

test("another address than was written is found; a forgotten one is not missed", async () => {
  const tenantId = newTenant();
  await keepMany(tenantId, 3);
  await sql`update entry set client_address = '198.51.100.1' where chain = ${tenantId} and sequence = 2`;
  assert.deepEqual(await reasonOf(tenantId), [false, 2, "address_altered"]);
  await sql`update entry set client_address = null, address_salt = null where chain = ${tenantId} and sequence = 2`;
  assert.deepEqual(await reasonOf(tenantId), [true, 0, undefined]);
});

test("an entry that is taken out, and a log that is cut off, are found", async () => {
  const tenantId = newTenant();
  await keepMany(tenantId, 4);
  await sql`delete from entry where chain = ${tenantId} and sequence = 2`;
  assert.deepEqual(await reasonOf(tenantId), [false, 2, "entry_missing"]);
  const cut = newTenant();
  await keepMany(cut, 4);
  await sql`delete from entry where chain = ${cut} and sequence = 4`;
  assert.deepEqual(await reasonOf(cut), [false, 4, "entry_missing"]);
  await sql`
    update chain set sequence = 3, digest = (select digest from entry where chain = ${cut} and sequence = 3)
    where chain = ${cut}`;
  assert.deepEqual(await reasonOf(cut), [false, 3, "end_wrong"]);
});

test("whoever writes every table, digests and the end included, cannot make an entry without the key", async () => {
  const tenantId = newTenant();
  await keepMany(tenantId, 2);
  const [last] = await sql`select * from entry where chain = ${tenantId} and sequence = 2`;
  assert.ok(last);
  const facts = {
    ...{ chain: tenantId, sequence: 2, entryId: last["entry_id"], eventId: last["event_id"], act: "key.created" },
    ...{ actorId: "usr_forged", operatorId: "", subjectKind: "key", subjectId: "key_1" },
    ...{ addressDigest: last["address_digest"], happenedAtMs: last["happened_at"].getTime() },
    ...{ recordedAtMs: last["recorded_at"].getTime(), details: { userId: "usr_a" } },
    previousDigest: last["previous_digest"],
  };
  assert.equal(digestEntry({ ...facts, actorId: "usr_a" }), last["digest"]);
  const digest = digestEntry(facts);
  await sql`
    update entry set actor_id = 'usr_forged', digest = ${digest} where chain = ${tenantId} and sequence = 2`;
  assert.deepEqual(await reasonOf(tenantId), [false, 2, "seal_wrong"]);
});

test("a log that is set back to an earlier state as a whole does not match its anchor", async () => {
  const tenantId = newTenant();
  await keepMany(tenantId, 2);
  const [before] = await sql`select * from chain where chain = ${tenantId}`;
  await keepMany(tenantId, 2);
  await ops.anchorChains(never);
  assert.deepEqual(await reasonOf(tenantId), [true, 0, undefined]);
  await sql`delete from entry where chain = ${tenantId} and sequence > 2`;
  await sql`
    update chain set sequence = 2, digest = ${before?.["digest"]}, seal = ${before?.["seal"]} where chain = ${tenantId}`;
  assert.deepEqual(await reasonOf(tenantId), [false, 3, "anchor_wrong"]);
});

test("a log that grows is anchored once for each time that it has grown; a broken one is not, and an event says so", async () => {
  const [whole, spoilt] = [newTenant(), newTenant()];
  await keepMany(whole, 2);
  await keepMany(spoilt, 2);
  await sql`update entry set actor_id = 'usr_x' where chain = ${spoilt} and sequence = 1`;
  const second = await service.startNode();
  await Promise.all([ops.anchorChains(never), second.ops.anchorChains(never)]);
  await ops.anchorChains(never);
  const said = (await service.listEvents()).filter(({ type }) => type.startsWith("audit."));
  const anchors = said.filter(({ type, key }) => type === "audit.anchored" && key === whole);
  assert.deepEqual(
    anchors.map(({ data }) => data["sequence"]),
    ["2"],
  );
  const alarms = said.filter(({ type, key }) => type === "audit.chain.broken" && key === spoilt);
  assert.ok(alarms.length >= 2);
  assert.deepEqual([alarms[0]?.data["brokenSequence"], alarms[0]?.data["reason"]], ["1", "entry_altered"]);
  await service.untilHeard();
  const [told] = (await ops.listAuditEntries({ chain: "platform", subjectId: spoilt, limit: 1 })).rows;
  assert.equal(told?.act, "audit.chain.broken");
});

test("what is older than the retention goes, and what is left can be verified; who deletes by hand is found", async () => {
  const [kept, emptied] = [newTenant(), newTenant()];
  await keepMany(kept, 3);
  await keepMany(emptied, 2);
  await ops.anchorChains(never);
  days += 31;
  await keepMany(kept, 2);
  await ops.deleteAgedEntries(never);
  await ops.deleteAgedEntries(never);
  assert.deepEqual(
    (await entriesOf(kept)).map(({ sequence }) => sequence),
    [5, 4],
  );
  const { isIntact, entries, isComplete } = await verify(kept);
  assert.deepEqual([isIntact, entries, isComplete], [true, 2, true]);
  assert.deepEqual(await reasonOf(emptied), [true, 0, undefined]);
  await keep(emptied);
  assert.equal((await entriesOf(emptied))[0]?.sequence, 3);
  assert.deepEqual(await reasonOf(emptied), [true, 0, undefined]);
  await sql`
    update chain set base_sequence = 4, base_digest = (select digest from entry where chain = ${kept} and sequence = 4)
    where chain = ${kept}`;
  await sql`delete from entry where chain = ${kept} and sequence = 4`;
  assert.deepEqual(await reasonOf(kept), [false, 5, "end_wrong"]);
});

test("a list is restricted by everything that is given, and paged", async () => {
  const tenantId = newTenant();
  await keep(tenantId, { act: "user.signed_in" });
  await keep(tenantId, { act: "key.revoked", actorId: "usr_b" });
  clock.advance(1_000);
  await keep(tenantId, { act: "key.created", actorId: "usr_b" });
  const actsOf = async (filter: object) =>
    (await ops.listAuditEntries({ chain: tenantId, limit: 200, ...filter })).rows.map(({ act }) => act);
  assert.deepEqual(await actsOf({ acts: ["key.*"] }), ["key.created", "key.revoked"]);
  assert.deepEqual(await actsOf({ acts: ["key.revoked", "user.*"] }), ["key.revoked", "user.signed_in"]);
  assert.deepEqual(await actsOf({ acts: ["key"] }), []);
  assert.deepEqual(await actsOf({ actorId: "usr_b" }), ["key.created", "key.revoked"]);
  assert.deepEqual(await actsOf({ subjectId: "key_2" }), []);
  assert.equal((await actsOf({ clientAddress: "192.0.2.1" })).length, 3);
  assert.deepEqual(await actsOf({ fromMs: clock.nowMs() }), ["key.created"]);
  assert.deepEqual(await actsOf({ beforeMs: clock.nowMs() }), ["key.revoked", "user.signed_in"]);
  assert.deepEqual(await actsOf({ text: "USR_B" }), ["key.created", "key.revoked"]);
  assert.deepEqual(await actsOf({ text: "%" }), []);
  const first = await ops.listAuditEntries({ chain: tenantId, limit: 2 });
  const rest = await ops.listAuditEntries({ chain: tenantId, limit: 2, cursor: first.nextCursor });
  assert.deepEqual([first.rows.length, rest.rows.length, rest.nextCursor], [2, 1, undefined]);
});

test("a salted commitment says the same of one address alone", () => {
  const salt = Buffer.alloc(16, 1);
  assert.equal(commitAddress(salt, "192.0.2.1"), commitAddress(salt, "192.0.2.1"));
  assert.notEqual(commitAddress(salt, "192.0.2.1"), commitAddress(Buffer.alloc(16, 2), "192.0.2.1"));
});

test("where somebody who is gone came from is forgotten in what they did and in what was tried in their name, and later, too", async () => {
  const tenantId = newTenant();
  const userId = random.id("usr");
  await keep(tenantId, { actorId: userId });
  await keep(tenantId, { actorId: "", subjectId: userId });
  await keep(tenantId, { actorId: "usr_admin", subjectId: userId });
  await service.say(userDeleted, { userId, tenantId });
  await service.say(userDeleted, { userId, tenantId });
  await service.untilHeard();
  await keep(tenantId, { actorId: userId });
  assert.deepEqual(
    (await entriesOf(tenantId)).map(({ clientAddress }) => clientAddress),
    [null, "192.0.2.1", null, null],
  );
  assert.deepEqual(await reasonOf(tenantId), [true, 0, undefined]);
});

test("S8: a search that the database does not end in time is refused", async () => {
  const chain = newTenant();
  await keep(chain);
  await db.transaction(async (tx) => {
    await tx`lock table entry in access exclusive mode`;
    await assert.rejects(ops.listAuditEntries({ chain, limit: 2, text: "%" }), (err) =>
      isFailure(err, kitFailures.search_too_broad),
    );
  });
  assert.equal((await ops.listAuditEntries({ chain, limit: 2, text: "key" })).rows.length, 1);
});
