import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, beforeEach, test } from "node:test";
import { webhookChanged, webhookDisabled } from "@lyss/contracts/events/event.ts";
import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { readWebhookSecret, toWebhookHeaders } from "@lyss/kit/http/standard-webhook.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { Registry } from "prom-client";
import { event } from "../service.ts";
import type { Happened } from "./webhook.ts";
import { createWebhooks } from "./webhooks.ts";

const service = await startTestService({ after }, event, { clients: {} });
const { db, random, sql } = service;
const clock = createFakeClock();
const outbox = createOutbox({ source: "event", publishes: [webhookChanged, webhookDisabled], clock, random });

interface Heard {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}
const heard: Heard[] = [];
let answer: { readonly status: number; readonly headers?: Record<string, string> } = { status: 204 };
const receiver = createServer(async (req, res) => {
  heard.push({ headers: req.headers, body: await text(req) });
  res.writeHead(answer.status, answer.headers).end();
}).listen(0, "127.0.0.1");
await once(receiver, "listening");
after(() => receiver.close());
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;

const openNode = (by: string) =>
  createWebhooks({ db, outbox, clock, random, log, by, metrics: new Registry(), key: Buffer.alloc(32, 1) });
const node = openNode("a");
const run = async (some = node) => {
  for (const job of some.jobs) await job.run(new AbortController().signal);
};

const type = "provider.account.changed";
const ours = { tenantId: "", name: "ours" };
const put = (named = ours, at = url, types: readonly string[] = [type]) =>
  node.put({ ...named, spec: { url: at, types }, expectedVersion: undefined });
const happen = (eventId: string, more: Partial<Happened> = {}) =>
  db.transaction((tx) =>
    node.queue(tx, { tenantId: "", eventId, type, timeMs: clock.nowMs(), data: { state: "parked" }, ...more }),
  );
const failsWith = (failure: FailureType) => (err: unknown) => isFailure(err, failure);
const deliveries = async (named = ours) => (await node.listDeliveries({ ...named, limit: 200 })).rows;
const said = async () => (await service.listEvents()).filter((it) => it.type === "webhook.disabled");

/** How a message is signed by a secret: what its receiver compares. */
function signatureOf({ headers, body }: Heard, secret: string | undefined): string | undefined {
  const key = readWebhookSecret(secret ?? "");
  const seconds = Number(headers["webhook-timestamp"]);
  const signed = toWebhookHeaders(String(headers["webhook-id"]), seconds * 1_000, Buffer.from(body), key ? [key] : []);
  return signed["webhook-signature"];
}

beforeEach(async () => {
  await sql`delete from webhook`;
  heard.length = 0;
  answer = { status: 204 };
});

test("S18: an event is sent once, signed as its id and the time that it is sent at, and what became of it is seen", async () => {
  const { secret } = await put();
  await happen("evt_1");
  await happen("evt_1");
  await run();
  await run();
  const [message] = heard;
  assert.ok(message && heard.length === 1);
  const timestamp = new Date(clock.nowMs()).toISOString();
  assert.deepEqual(JSON.parse(message.body), { type, timestamp, data: { state: "parked" } });
  assert.equal(message.headers["webhook-id"], "evt_1");
  assert.equal(message.headers["webhook-timestamp"], String(Math.floor(clock.nowMs() / 1_000)));
  assert.ok(secret && message.headers["webhook-signature"] === signatureOf(message, secret));
  const [one, ...others] = await deliveries();
  assert.deepEqual(
    [one?.state, one?.attempts.map(({ status, reason }) => [status, reason]), others],
    ["delivered", [[204, null]], []],
  );
  assert.deepEqual((await node.get(ours)).lastDeliveredAt, new Date(clock.nowMs()));
});

test("S18: for a day after another secret was made both count, and then the new one alone", async () => {
  const { secret: first } = await put();
  const { secret: second } = await node.rotate(ours);
  assert.ok(first && second && first !== second);
  await happen("evt_1");
  await run();
  clock.advance(86_400_001);
  await happen("evt_2");
  await run();
  const [both, alone] = heard;
  assert.ok(both && alone);
  assert.deepEqual(String(both.headers["webhook-signature"]).split(" "), [
    signatureOf(both, second),
    signatureOf(both, first),
  ]);
  assert.equal(alone.headers["webhook-signature"], signatureOf(alone, second));
});

test("S18: what is not taken is tried again exactly when the schedule says, ten times in 76 hours, and then by hand alone", async () => {
  await put();
  await happen("evt_1");
  answer = { status: 503 };
  const startedMs = clock.nowMs();
  const triedAtMs: number[] = [];
  for (let n = 0; n < 20; n++) {
    const before = heard.length;
    await run();
    if (heard.length > before) triedAtMs.push(clock.nowMs() - startedMs);
    const [{ state, nextTryAt } = { state: "", nextTryAt: new Date(0) }] = await deliveries();
    if (state !== "waiting") break;
    clock.advance(nextTryAt.getTime() - clock.nowMs() - 1);
    await run();
    assert.equal(heard.length, triedAtMs.length, "not a millisecond too soon");
    clock.advance(1);
  }
  assert.deepEqual([triedAtMs.length, triedAtMs.at(-1)], [10, 272_105_000]);
  const [given] = await deliveries();
  assert.deepEqual([given?.state, given?.attempts.length, given?.attempts[9]?.status], ["given_up", 10, 503]);
  assert.equal((await node.get(ours)).state, "active");
  answer = { status: 200 };
  await node.sendAgain({ ...ours, eventId: "evt_1" });
  await run();
  const [again] = await deliveries();
  assert.deepEqual([again?.state, again?.attempts.length, heard.length], ["delivered", 11, 11]);
  await assert.rejects(
    node.sendAgain({ ...ours, eventId: "evt_2" }),
    failsWith(eventServiceFailures.delivery_not_found),
  );
});

test("S18: who asks to be left alone is, a redirect is not followed, and who cannot be reached is told apart", async () => {
  await put();
  await happen("evt_1");
  answer = { status: 429, headers: { "retry-after": "90" } };
  await run();
  assert.equal((await deliveries())[0]?.nextTryAt.getTime(), clock.nowMs() + 90_000);
  answer = { status: 307, headers: { location: url } };
  clock.advance(90_000);
  await run();
  assert.equal(heard.length, 2);
  await put(ours, "http://127.0.0.1:1/hook");
  clock.advance(86_400_000);
  await run();
  const [{ attempts } = { attempts: [] }] = await deliveries();
  assert.deepEqual(
    attempts.map(({ status, reason }) => [status, reason]),
    [
      [429, "answered_with_error"],
      [307, "redirected"],
      [null, "unreachable"],
    ],
  );
});

test("S18: one that is gone (410) is disabled at once, its owner told once, and what waits is sent when it is resumed", async () => {
  const before = (await said()).length;
  await put();
  await happen("evt_1");
  await happen("evt_2");
  answer = { status: 410 };
  await run();
  const disabled = await node.get(ours);
  assert.deepEqual([disabled.state, disabled.reason, (await said()).length - before], ["disabled", "gone", 1]);
  await happen("evt_3");
  clock.advance(86_400_000);
  answer = { status: 200 };
  const seen = heard.length;
  await run();
  assert.equal(heard.length, seen);
  assert.equal((await node.resume(ours)).state, "active");
  await run();
  assert.deepEqual(
    (await deliveries()).map(({ eventId, state }) => `${eventId} ${state}`),
    ["evt_2 delivered", "evt_1 delivered"],
  );
});

test("S18: one that has taken nothing for five days is disabled, and its owner told; one that took something is not", async () => {
  const before = (await said()).length;
  await put();
  answer = { status: 500 };
  for (let day = 0; day < 5; day++) {
    await happen(`evt_${day}`);
    await run();
    clock.advance(86_400_000);
  }
  assert.equal((await node.get(ours)).state, "active");
  await happen("evt_5");
  await run();
  const { state, reason } = await node.get(ours);
  assert.deepEqual([state, reason, (await said()).length - before], ["disabled", "failing", 1]);
  await node.resume(ours);
  assert.equal((await node.get(ours)).failingSince, null);
});

test("two nodes at work at once send each message once", async () => {
  await Promise.all(["a", "b", "c"].map((name) => put({ tenantId: "", name })));
  for (let n = 0; n < 5; n++) await happen(`evt_${n}`);
  const other = openNode("b");
  await Promise.all([run(), run(other), run(), run(other)]);
  await run();
  assert.equal(heard.length, 15);
});

test("an event goes to its tenant's webhooks that are active, want its type and were there before it", async () => {
  const at = "https://hooks.example.com/x";
  const [a, b, other, late, paused] = ["a", "b", "other", "late", "paused"].map((name) => ({
    tenantId: "ten_a",
    name,
  }));
  const theirs = { tenantId: "ten_b", name: "a" };
  assert.ok(a && b && other && late && paused);
  for (const named of [a, b, paused, theirs]) await put(named, at);
  await put(other, at, ["guardrail.found"]);
  await node.pause(paused);
  clock.advance(1);
  const timeMs = clock.nowMs();
  clock.advance(1);
  await put(late, at);
  await happen("evt_1", { tenantId: "ten_a", timeMs });
  const countOf = async (named: typeof a) => (await deliveries(named)).length;
  assert.deepEqual(await Promise.all([a, b, other, late, paused, theirs].map(countOf)), [1, 1, 0, 0, 0, 0]);
  const page = await node.list({ tenantId: "ten_a", limit: 2 });
  const rest = await node.list({ tenantId: "ten_a", limit: 10, cursor: page.nextCursor });
  assert.deepEqual(
    [...page.rows, ...rest.rows].map(({ name }) => name),
    ["a", "b", "late", "other", "paused"],
  );
  await assert.rejects(node.get({ tenantId: "ten_b", name: "b" }), failsWith(eventServiceFailures.webhook_not_found));
});

test("S1: a tenant's address is https and public, also when it is connected to; what is wrong is refused", async () => {
  const tenants = { tenantId: "ten_a", name: "a" };
  for (const address of [url, "https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/"]) {
    await assert.rejects(put(tenants, address), failsWith(kitFailures.invalid_request), address);
  }
  await put(tenants, "https://hooks.example.com/x");
  await sql`update webhook set spec = ${JSON.stringify({ url, types: [type] })}::text::jsonb`;
  assert.deepEqual([(await node.test(tenants)).reason, heard.length], ["refused", 0]);
  await assert.rejects(
    node.put({ ...tenants, spec: { url: "https://a.example.com", types: [type] }, expectedVersion: 7 }),
    failsWith(eventServiceFailures.webhook_version_mismatch),
  );
  for (let n = 1; n < 20; n++) await put({ tenantId: "ten_a", name: `n${n}` }, "https://hooks.example.com/x");
  await assert.rejects(
    put({ tenantId: "ten_a", name: "more" }, "https://hooks.example.com/x"),
    failsWith(eventServiceFailures.too_many_webhooks),
  );
});

test("deliveries are read by pages, the newest first; those that ended are kept for 30 days, and of too many no more wait", async () => {
  await put();
  for (let n = 0; n < 5; n++) {
    await happen(`evt_${n}`);
    clock.advance(1_000);
  }
  const ids: string[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await node.listDeliveries({ ...ours, limit: 2, cursor });
    ids.push(...page.rows.map(({ eventId }) => eventId));
    cursor = page.nextCursor;
  }
  assert.deepEqual(ids, ["evt_4", "evt_3", "evt_2", "evt_1", "evt_0"]);
  await run();
  assert.equal((await node.listDeliveries({ ...ours, limit: 9, state: "waiting" })).rows.length, 0);
  clock.advance(2_592_000_001);
  await run();
  assert.equal((await deliveries()).length, 0);
  await sql`
    insert into webhook_delivery (tenant_id, name, event_id, type, body, state, next_try_at, created_at)
    select '', 'ours', 'old_' || n, ${type}, '{}', 'waiting', now() + interval '900 years', now()
    from generate_series(1, 10000) as n`;
  await happen("evt_9");
  await run();
  assert.equal(heard.length, 5);
});
