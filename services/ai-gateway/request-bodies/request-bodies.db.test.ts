import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  dataPolicyApplied,
  requestBodyPolicyChanged,
  requestBodyRead,
  requestBodyRemoved,
} from "@lyss/contracts/events/ai-gateway.ts";
import { dataPolicyChanged } from "@lyss/contracts/events/tenant.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { Registry } from "prom-client";
import { createDataPolicies } from "../data-policies/data-policies.ts";
import type { AnswerWriter, AskedCall } from "../dialects/dialect.ts";
import { aiGateway } from "../service.ts";
import { loadBodyPolicies } from "../settings-ops.ts";
import { bodyPolicySchema } from "./body-policy.ts";
import { recordBodies } from "./record-bodies.ts";
import { createRequestBodies } from "./request-bodies.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { db, random, sql } = service;
const clock = createFakeClock();
const publishes = [requestBodyPolicyChanged, requestBodyRead, requestBodyRemoved, dataPolicyApplied];
const outbox = createOutbox({ source: "ai-gateway", publishes, clock, random });
const metrics = new Registry();
const dataPolicies = createDataPolicies({ db, outbox });
const bodies = createRequestBodies({
  ...{ db, outbox, dataPolicies, clock, random, log, metrics },
  key: Buffer.alloc(32, 1),
});

await service.hear();
let version = 0n;
/** The tenant sets its data policy, as the tenant service tells it, and this node reads it. */
async function allow(
  tenantId: string,
  policy: { retentionDays?: number; storeBodies?: boolean; redact?: string[] } = {},
) {
  const said = { retentionDays: 90, storeBodies: true, redact: [], ...policy };
  await service.say(dataPolicyChanged, { tenantId, version: ++version, ...said });
  await service.untilHeard();
  await loadBodyPolicies({ dataPolicies, requestBodies: bodies });
}
async function put(tenantId: string, spec: object) {
  await allow(tenantId);
  return bodies.policies.put(tenantId, bodyPolicySchema.parse(spec));
}
const chatBody = (content: string) =>
  Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content }] }));

interface Said {
  readonly tenantId: string;
  readonly callId: string;
  readonly asked?: Buffer;
  readonly told?: string;
  readonly userId?: string;
}

/** A call as `serveCall` makes it, with a writer that says what it is given. */
async function say({ tenantId, callId, asked = chatBody("hi"), told = '{"choices":[]}', userId = "usr_1" }: Said) {
  clock.advance(1);
  const caller = { tenantId, keyId: "key_1" };
  const policy = bodies.policies.find({ caller, callId, models: ["m"] });
  if (!policy) return false;
  const writer = { whole: (body: Buffer) => body } as unknown as AnswerWriter;
  const askedCall = {
    ...{ model: "m", asked: { surface: "chat", body: asked } },
    readFor: () => ({ request: {}, createWriter: () => writer }),
  } as unknown as AskedCall;
  const startedAt = new Date(clock.nowMs());
  const call = { callId, tenantId, userId, keyId: "key_1", model: "m", surface: "chat", policy, startedAt };
  const record = recordBodies(bodies.log, askedCall, call);
  const noting = record.askedCall.readFor({} as never).createWriter({} as never);
  await noting.whole(Buffer.from(told), {}, {} as never);
  record.end();
  return true;
}

async function keep(said: Said) {
  assert.ok(await say(said));
  await bodies.log.flush();
}

const read = (tenantId: string, callId: string) => bodies.read({ tenantId, callId });
const rowsOf = async (tenantId: string) =>
  (await sql<{ sealed: Buffer }[]>`select sealed from request_body where tenant_id = ${tenantId}`).length;

test("nothing is kept until the tenant says so, and then only of the models, keys and share that it names", async () => {
  assert.equal(bodies.policies.isWanted({ tenantId: "ten_a", keyId: "key_1" }), false);
  await put("ten_a", { models: ["gpt-*"], keys: ["key_1"] });
  const found = (models: string[], keyId = "key_1", tenantId = "ten_a") =>
    bodies.policies.find({ caller: { tenantId, keyId }, callId: "call_1", models }) !== undefined;
  assert.deepEqual(
    [
      found(["gpt-4"]),
      found(["alias", "gpt-4"]),
      found(["other"]),
      found(["gpt-4"], "key_2"),
      found(["gpt-4"], "key_1", "ten_b"),
    ],
    [true, true, false, false, false],
  );
  await put("ten_a", { sample_ratio: 0.25 });
  const calls = Array.from({ length: 2_000 }, (_, n) => `call_${n}`);
  const kept = calls.filter((callId) =>
    bodies.policies.find({ caller: { tenantId: "ten_a", keyId: "key_1" }, callId, models: [] }),
  ).length;
  assert.ok(kept > 420 && kept < 580, `${kept} of 2000`);
  await bodies.policies.remove("ten_a");
  assert.equal(await say({ tenantId: "ten_a", callId: "call_off" }), false);
});

test("nothing is kept beyond the tenant's data policy: not at all without its word, not for longer, not what it takes out", async () => {
  const caller = { tenantId: "ten_b", keyId: "key_1" };
  await bodies.policies.put("ten_b", bodyPolicySchema.parse({ retention_days: 30, redaction: { pii: [] } }));
  assert.equal(bodies.policies.isWanted(caller), false, "a tenant that has said nothing");
  assert.equal((await bodies.report("ten_b")).policy.isAllowed, false);
  await allow("ten_b", { retentionDays: 2, redact: ["email"] });
  await keep({ tenantId: "ten_b", callId: "call_b1", asked: chatBody("ann@example.com, +49 171 2345678") });
  const { request, startedAt, expiresAt } = await read("ten_b", "call_b1");
  assert.match(JSON.stringify(request.content), /"\[EMAIL\], \+49 171 2345678"/);
  assert.equal(Math.round((expiresAt.getTime() - startedAt.getTime()) / 86_400_000), 2);

  assert.ok(await say({ tenantId: "ten_b", callId: "call_b2" }));
  await allow("ten_b", { storeBodies: false });
  assert.equal(bodies.policies.isWanted(caller), false);
  await bodies.log.flush();
  await assert.rejects(read("ten_b", "call_b2"), /Nothing is kept/, "what was under way when it was forbidden");
  assert.equal((await read("ten_b", "call_b1")).callId, "call_b1", "what was kept before stays until its time is over");
  const older = { tenantId: "ten_b", version: 1n, retentionDays: 90, storeBodies: true, redact: [] };
  await db.transaction((tx) => dataPolicies.follow(tx, older));
  await dataPolicies.load();
  assert.equal(dataPolicies.of("ten_b").storeBodies, false, "an older one that is heard again changes nothing");
});

test("what is kept is redacted, sealed with the tenant's key and bound to its row; reading it is told of", async () => {
  await put("ten_r", { redaction: { words: ["Falcon"], patterns: ["K-\\d+"] } });
  const args = JSON.stringify({ card: 4111111111111111, note: "call +49 171 2345678" });
  const asked = Buffer.from(
    JSON.stringify({
      ...{ model: "m", user: "ann@example.com", seed: 12 },
      messages: [
        { role: "user", content: "I am ann@example.com, project falcon, case K-77" },
        { role: "assistant", tool_calls: [{ function: { name: "pay", arguments: args } }] },
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(400)}` } }],
        },
      ],
    }),
  );
  const told = JSON.stringify({ choices: [{ message: { content: "Dear ann@example.com" } }] });
  await keep({ tenantId: "ten_r", callId: "call_r", asked, told });
  const opened = await read("ten_r", "call_r");
  const text = JSON.stringify([opened.request.content, opened.answer?.content]);
  assert.doesNotMatch(text, /ann@example|alcon|K-77|4111|171 2345678|AAAA/);
  assert.match(text, /I am \[EMAIL\], project \[WORD\], case \[TEXT\]/);
  assert.match(text, /\[image\/png, 300 bytes\]/);
  assert.match(text, /"seed":12/);
  assert.match(text, /Dear \[EMAIL\]/);
  const [row] = await sql<{ sealed: Buffer }[]>`select sealed from request_body where call_id = 'call_r'`;
  assert.doesNotMatch(row?.sealed.toString("latin1") ?? "", /Dear|project/);
  await sql`update request_body set tenant_id = 'ten_x' where call_id = 'call_r'`;
  await assert.rejects(read("ten_r", "call_r"), /GATEWAY_113|Nothing is kept/);
  await assert.rejects(read("ten_x", "call_r"), /does not open/, "a row that was moved to another tenant");
  const told_ = (await service.listEvents()).filter(
    ({ type, data }) => type === "request_body.read" && data["tenantId"] === "ten_r",
  );
  assert.deepEqual(
    told_.map(({ data }) => data["callId"]),
    ["call_r"],
  );
});

test("what is too long is cut and marked, whole characters only", async () => {
  await put("ten_l", { max_bytes: 1_024, redaction: { pii: [] } });
  await keep({ tenantId: "ten_l", callId: "call_l", asked: chatBody("好".repeat(1_000)) });
  const { request, answer, isTruncated } = await read("ten_l", "call_l");
  assert.deepEqual([isTruncated, request.isTruncated, answer?.isTruncated], [true, true, false]);
  assert.ok(request.bytes > 3_000);
  assert.match(String(request.content), /^\{"model":"m".*好$/);
});

test("a purge makes all unreadable at once, and what was under way is not written after it", async () => {
  await put("ten_p", {});
  await keep({ tenantId: "ten_p", callId: "call_p1" });
  assert.ok(await say({ tenantId: "ten_p", callId: "call_p2" }));
  clock.advance(1);
  assert.equal(await bodies.policies.purge("ten_p"), 1);
  await bodies.log.flush();
  assert.equal(await rowsOf("ten_p"), 1, "the row is there still");
  await assert.rejects(read("ten_p", "call_p1"), /Nothing is kept/);
  assert.deepEqual((await bodies.list({ tenantId: "ten_p", limit: 10 })).rows, []);
  await keep({ tenantId: "ten_p", callId: "call_p3" });
  assert.equal((await read("ten_p", "call_p3")).callId, "call_p3", "with another key");
  await runSweep();
  assert.equal(await rowsOf("ten_p"), 1);
});

async function runSweep() {
  const job = bodies.log.jobs.find(({ name }) => name === "forget-request-bodies");
  await job?.run(new AbortController().signal);
}

test("it goes by hand, with its person, and with time; lists go page by page", async () => {
  await put("ten_g", { retention_days: 1 });
  for (const n of [1, 2, 3, 4])
    await keep({ tenantId: "ten_g", callId: `call_g${n}`, userId: n > 2 ? "usr_2" : "usr_g" });
  const first = await bodies.list({ tenantId: "ten_g", limit: 3 });
  const second = await bodies.list({ tenantId: "ten_g", limit: 3, cursor: first.nextCursor });
  assert.deepEqual(
    [...first.rows, ...second.rows].map(({ callId }) => callId),
    ["call_g4", "call_g3", "call_g2", "call_g1"],
  );
  assert.equal((await bodies.list({ tenantId: "ten_g", limit: 9, userId: "usr_g" })).rows.length, 2);
  const shown = await db.transaction((tx) => bodies.listOf(tx, { userId: "usr_g" }));
  assert.deepEqual(
    shown.map((it) => (it as { call_id: string }).call_id),
    ["call_g2", "call_g1"],
  );
  await bodies.remove({ tenantId: "ten_g", callId: "call_g4" });
  await assert.rejects(bodies.remove({ tenantId: "ten_g", callId: "call_g4" }), /Nothing is kept/);
  assert.ok(await say({ tenantId: "ten_g", callId: "call_late", userId: "usr_g" }));
  await db.transaction((tx) => bodies.removeOf(tx, { userId: "usr_g" }));
  await bodies.log.flush();
  assert.equal(await rowsOf("ten_g"), 1, "nor what was about to be written");
  clock.advance(86_400_001);
  await assert.rejects(read("ten_g", "call_g3"), /Nothing is kept/);
  await runSweep();
  assert.equal(await rowsOf("ten_g"), 0);
});

test("what there is no room for is dropped and counted, and its room comes back", async () => {
  await put("ten_d", { redaction: { pii: [] } });
  const large = Buffer.from(JSON.stringify({ text: "x ".repeat(17_000_000) }));
  assert.ok(await say({ tenantId: "ten_d", callId: "call_d1", asked: large }));
  assert.ok(await say({ tenantId: "ten_d", callId: "call_d2", asked: large }));
  assert.equal(bodies.log.droppedOf("ten_d"), 1);
  await bodies.log.flush();
  assert.equal((await read("ten_d", "call_d1")).request.isTruncated, true);
  assert.match(await metrics.metrics(), /dropped_total\{reason="no_room"\} 1\b[\s\S]*waiting_bytes 0\b/);
  await keep({ tenantId: "ten_d", callId: "call_d3" });
  const report = await bodies.report("ten_d");
  assert.deepEqual([report.calls, report.dropped], [2, 1]);
});
