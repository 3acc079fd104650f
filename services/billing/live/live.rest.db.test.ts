import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { pino } from "pino";
import type { Fact } from "../fact.ts";
import { billing } from "../service.ts";
import { createLiveFeed, type LiveListener } from "./live-feed.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<user>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId = "", permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId, keyId: "key_1", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());
const terms = { rates: { input: 1_000_000_000n } };
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", terms }] });

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

function factOf(tenantId: string, more: Partial<Fact> = {}): Fact {
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_gone", requestId: "req_1", tenantId, keyId: "key_1" },
    ...{ userId: "usr_1", provider: "p", model: "m", priceId: price?.priceId ?? "", outcome: "completed" },
    ...{ inputTokens: 7n, cachedInputTokens: 0n, outputTokens: 5n, isEstimated: false, latencyMs: 5n },
    startedAtMs: BigInt(systemClock.nowMs()),
    ...more,
  };
}

interface Told {
  readonly event: string;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any event.
  readonly data: any;
}

/** Watches as a browser does. `next` gives the next event of a kind. */
async function watch(t: TestContext, token: string, lastEventId?: string) {
  const leaving = new AbortController();
  t.after(() => leaving.abort());
  const accept = "text/event-stream";
  const headers = { accept, authorization: `Bearer ${token}`, ...(lastEventId && { "last-event-id": lastEventId }) };
  const answer = await fetch(`${server.url}/api/v1/live`, { headers, signal: leaving.signal });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  async function read(): Promise<Told | undefined> {
    for (;;) {
      const at = text.indexOf("\n\n");
      if (at >= 0) {
        const block = text.slice(0, at);
        text = text.slice(at + 2);
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
        const event = field("event");
        if (event !== undefined) return { event, id: field("id"), data: JSON.parse(field("data") ?? "null") };
        continue;
      }
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return undefined;
      text += value;
    }
  }
  async function next(kind: string): Promise<Told> {
    for (;;) {
      const told = await read();
      assert.ok(told, `the stream ended before ${kind}`);
      if (told.event === kind) return told;
    }
  }
  return { answer, read, next, leave: () => leaving.abort() };
}

test("who watches sees the balance, then each request as the list has it and what it left of the money", async (t) => {
  const tenantId = await createTenant();
  const { answer, next } = await watch(t, `${tenantId}/usr_1/billing:*`);
  assert.equal(answer.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal((await next("balance")).data.balance_nanos, "1000000");
  const fact = factOf(tenantId);
  await ops.postFacts({ facts: [fact] });
  const { data, id } = await next("request");
  assert.match(id ?? "", /^\d{13}$/);
  const listed = await server.call(`${tenantId}/usr_1/billing:*`, "GET", "/v1/billing/usage");
  assert.deepEqual(data, listed.json.data[0]);
  assert.equal((await next("balance")).data.available_nanos, "993000");
});

test("another tenant's requests are never told, a person without billing:audit sees their own, alerts need event:read", async (t) => {
  const tenantId = await createTenant();
  const other = await watch(t, `${await createTenant()}/usr_1/billing:*`);
  const all = await watch(t, `${tenantId}/usr_boss/billing:*,event:read`);
  const own = await watch(t, `${tenantId}/usr_1/billing:read`);
  const refused = await fetch(`${server.url}/api/v1/live`, {
    headers: { authorization: `Bearer ${tenantId}/usr_1/key:read` },
  });
  assert.equal(refused.status, 403);
  const plain = await server.call(`${tenantId}/usr_1/billing:*`, "GET", "/api/v1/live");
  assert.match(plain.json.error.message_i18n.zh_CN, /^accept：必须为 text\/event-stream/);
  assert.equal((await server.call(`${tenantId}/usr_1/billing:*`, "GET", "/api/v1/live?user_id=usr_2")).status, 400);
  for (const stream of [other, all, own]) await stream.next("balance");
  const [others, mine] = [factOf(tenantId, { userId: "usr_2" }), factOf(tenantId)];
  // Enough to bring the balance below what is said to be low, which is an alert.
  await ops.postFacts({ facts: [others, { ...mine, inputTokens: 900_000n }] });
  const seen = [await all.next("request"), await all.next("request")].map(({ data }) => data.id);
  assert.deepEqual(seen.toSorted(), [others.callId, mine.callId].toSorted());
  assert.equal((await own.next("request")).data.id, mine.callId);
  await ops.topUpWallet({ tenantId, amountNanos: 5n, reference: "more", source: "manual" });
  assert.equal((await own.next("balance")).data.currency, "USD");
  for (const stream of [other, own]) stream.leave();
});

test("who comes back with the last id is told first what was recorded meanwhile", async (t) => {
  const tenantId = await createTenant();
  const first = await watch(t, `${tenantId}/usr_1/billing:*`);
  await first.next("balance");
  await ops.postFacts({ facts: [factOf(tenantId)] });
  const { id } = await first.next("request");
  first.leave();
  const missed = factOf(tenantId);
  await ops.postFacts({ facts: [missed] });
  const second = await watch(t, `${tenantId}/usr_1/billing:*`, id);
  // The last one that was seen may come again.
  while ((await second.next("request")).data.id !== missed.callId);
});

test("a sixth stream of one person ends the first", async (t) => {
  const tenantId = await createTenant();
  const streams = [];
  for (let at = 0; at < 6; at++) streams.push(await watch(t, `${tenantId}/usr_1/billing:*`));
  const [first, ...rest] = streams;
  while (await first?.read());
  for (const stream of rest) await stream.next("balance");
});

test("of a burst the newest are told and the others counted; nobody is taken beyond the limit; an end is told", async () => {
  const tenantId = await createTenant();
  const told: { calls: number; missed: number }[] = [];
  let ends = 0;
  const toldOnce = Promise.withResolvers<void>();
  const listener: LiveListener = {
    onCalls(calls, missed) {
      told.push({ calls: calls.length, missed });
      toldOnce.resolve();
    },
    onBalance() {},
    onAlert() {},
    onEnd: () => ends++,
  };
  const limits = { maxListeners: 1, maxPerPerson: 5, gatherMs: 1, maxCallsAtOnce: 3 };
  const { createLiveStore } = await import("./live-store.ts");
  const feed = createLiveFeed(
    {
      liveStore: createLiveStore(service.db.sql),
      findWallet: async () => undefined,
      clock: systemClock,
      log: pino({ level: "silent" }),
    },
    limits,
  );
  feed.open(tenantId, "usr_1", listener);
  assert.throws(
    () => feed.open(tenantId, "usr_2", listener),
    (err) => isFailure(err, kitFailures.unavailable),
  );
  const facts = Array.from({ length: 8 }, () => factOf(tenantId));
  await ops.postFacts({ facts });
  const minute = Math.floor(Number(facts[0]?.startedAtMs) / 60_000);
  const data = { tenantId, sums: [{ minute, calls: 8n }] };
  feed.subscription.handle({ type: "billing.usage.recorded", data } as never);
  await toldOnce.promise;
  assert.deepEqual(told, [{ calls: 3, missed: 5 }]);
  feed.close();
  assert.equal(ends, 1);
});
