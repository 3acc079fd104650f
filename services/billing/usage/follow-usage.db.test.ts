import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import type { Fact } from "../fact.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, sql, random } = service;
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 1_000_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

async function record(tenantId: string, count: number): Promise<string[]> {
  const facts = Array.from(
    { length: count },
    (): Fact => ({
      ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_gone", requestId: "req_1", tenantId, keyId: "key_1" },
      ...{ userId: "usr_1", provider: "p", model: "m", priceId: price?.priceId ?? "", outcome: "completed" },
      ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 0n, isEstimated: false, latencyMs: 5n },
      startedAtMs: BigInt(Date.now()),
    }),
  );
  await ops.postFacts({ facts });
  return facts.map(({ callId }) => callId).sort();
}

const follow = (after: string, tenantId?: string, limit = 1_000) => ops.followUsage({ tenantId, limit, after });
/** Once so many rows can be followed: transactions of whatever else runs on this server are waited for. */
async function followed(after: string, count: number, tenantId?: string) {
  await waitUntil(async () => (await follow(after, tenantId)).rows.length >= count);
  return follow(after, tenantId);
}

const idsOf = (rows: Awaited<ReturnType<typeof follow>>["rows"]) => rows.map(({ row }) => row.callId);

test("what is recorded is followed once and in order, page by page, of one tenant or of all", async () => {
  const [one, other] = [await createTenant(), await createTenant()];
  const start = (await follow("")).next;
  const first = await record(one, 5);
  const second = await record(other, 3);
  await followed(start, first.length + second.length);
  const all: string[] = [];
  for (let place = start, isEnd = false; !isEnd; ) {
    const page = await follow(place, undefined, 2);
    all.push(...idsOf(page.rows));
    ({ next: place, isEnd } = page);
  }
  assert.deepEqual(all, [...first, ...second]);
  const own = await follow(start, other);
  assert.deepEqual([idsOf(own.rows), own.isEnd], [second, true]);
  assert.deepEqual((await follow(own.next, other)).rows, []);
  const [middle] = own.rows;
  assert.deepEqual(idsOf((await follow(middle?.place ?? "", other)).rows), second.slice(1));
});

test("nothing comes behind a place that was given: while a transaction is under way it is waited for", async () => {
  const tenantId = await createTenant();
  const start = (await follow("")).next;
  const holds = await sql.reserve();
  try {
    await holds`begin`;
    await holds`select pg_current_xact_id()`;
    const later = await record(tenantId, 2);
    const waiting = await follow(start, tenantId);
    assert.deepEqual([waiting.rows, waiting.isEnd], [[], true]);
    await holds`commit`;
    assert.deepEqual(idsOf((await followed(waiting.next, later.length, tenantId)).rows), later);
  } finally {
    holds.release();
  }
});

test("a place that is none, or that the database has not come to, is refused", async () => {
  for (const place of ["x", "1.99999.c", "999999999999999999.0."]) {
    await assert.rejects(follow(place), { name: "Failure" }, place);
  }
});
