import assert from "node:assert/strict";
import { after, test } from "node:test";
import { readUsage } from "@lyss/services/ai-gateway/dialects/openai/usage.ts";
import { routeSchema } from "@lyss/services/ai-gateway/routing/route.ts";
import { assertIntegrity } from "@lyss/services/billing/assert-integrity.ts";
import type OpenAI from "openai";
import { APIError } from "openai";
import { batchTerms, lineOf, lostAnswers, refusal, startBatchWorld, toUpload } from "./batch-world.ts";

const world = await startBatchWorld({ after });
const { service, billing, moneyOf, usageOf } = world;
const rich = 1_000_000_000_000n;

async function startTenant(amountNanos = rich) {
  const tenantId = await world.createTenant(amountNanos);
  return { tenantId, client: world.clientOf(`${tenantId}/usr_1`) };
}

/** Asks until it has ended. A look is a second old at most, so the clock of looks is turned back. */
async function untilEnded(client: OpenAI, id: string) {
  for (let looks = 0; looks < 20; looks++) {
    await service.sql`update batch set polled_at = null where batch_id = ${id}`;
    const batch = await client.batches.retrieve(id);
    if (batch.completed_at || batch.failed_at || batch.expired_at || batch.cancelled_at) {
      if (!["finalizing", "in_progress", "cancelling"].includes(batch.status)) return batch;
    }
  }
  return assert.fail("the batch has not ended");
}

async function startBatch(client: OpenAI, lines: readonly string[]) {
  const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
  const asked = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  return client.batches.create({ ...asked, metadata: { job: "nightly" } });
}

async function linesOf(client: OpenAI, id: string | null | undefined) {
  const text = await (await client.files.content(id ?? "")).text();
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

const now = "simulate.batch_ms=0";

test("W51: the official SDK has a batch answered: each line costs what it used at the price of batches, to the nano, once", async () => {
  const { tenantId, client } = await startTenant();
  const lines = [
    lineOf("plain", `Hello. ${now} simulate.tokens=20`),
    lineOf("cached", "Hello again, at some length. simulate.tokens=30 simulate.cached_tokens=7"),
    lineOf("thought", "Think. simulate.tokens=10 simulate.reasoning_tokens=9"),
    lineOf("refused", "simulate.error=400"),
  ];
  const created = await startBatch(client, lines);
  assert.deepEqual([created.status, created.request_counts?.total], ["validating", 4]);
  assert.deepEqual(created.metadata, { job: "nightly" });
  const [, held] = await moneyOf(tenantId);
  assert.ok(held > 0n, "the most that it may cost is set aside");

  const batch = await untilEnded(client, created.id);
  assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 4, completed: 3, failed: 1 }]);
  const answers = await linesOf(client, batch.output_file_id);
  assert.deepEqual(
    answers.map(({ custom_id }) => custom_id),
    ["plain", "cached", "thought"],
  );
  let cost = 0n;
  for (const { response } of answers) {
    assert.equal(response.body.model, "simulated-chat");
    const usage = readUsage(response.body);
    assert.ok(usage);
    // Millionths of a dollar at 1, 0.1, 5 and 7 USD per million, by what the answer itself says that it used.
    const reasoning = usage.otherBuckets?.reasoning ?? 0n;
    cost +=
      usage.inputTokens * 1_000n + usage.cachedInputTokens * 100n + usage.outputTokens * 5_000n + reasoning * 7_000n;
  }
  assert.equal(readUsage(answers[1].response.body)?.cachedInputTokens, 7n);
  assert.equal(readUsage(answers[2].response.body)?.otherBuckets?.reasoning, 9n);
  assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
  const usage = await usageOf(tenantId);
  assert.deepEqual(
    usage.map(({ outcome, serviceMode, costNanos }) => [outcome, serviceMode, costNanos > 0n]),
    [...[1, 2, 3].map(() => ["completed", "batch", true]), ["failed", "batch", false]],
  );
  const [failed] = await linesOf(client, batch.error_file_id);
  assert.equal(failed.response.status_code, 400);
  assert.doesNotMatch(JSON.stringify(failed), /Simulated/, "no sentence of a provider");

  await client.batches.retrieve(created.id);
  assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
  await assertIntegrity(billing as never);
});

test("W51: a request of a batch whose input is in a long-context tier costs what batches cost in that tier, to the nano", async () => {
  const tiers = [
    { aboveInputTokens: 40n, rates: { input: 6_000_000_000n }, modes: { batch: { input: 2_000_000_000n } } },
  ];
  const price = { provider: "simulated", model: "simulated-chat", terms: { ...batchTerms, tiers } };
  const tenantId = await world.createTenant(rich, [price]);
  const client = world.clientOf(`${tenantId}/usr_1`);
  const long = lineOf("long", `${"word ".repeat(60)} simulate.tokens=5`);
  const batch = await untilEnded(client, (await startBatch(client, [lineOf("short", now), long])).id);
  let cost = 0n;
  for (const { custom_id, response } of await linesOf(client, batch.output_file_id)) {
    const { prompt_tokens: input, completion_tokens: output } = response.body.usage;
    assert.equal(input > 40, custom_id === "long");
    cost += BigInt(input) * (custom_id === "long" ? 2_000n : 1_000n) + BigInt(output) * 5_000n;
  }
  assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
  await assertIntegrity(billing as never);
});

test("W51, B33: a node that dies between any two steps of settling charges nothing twice and leaves no money behind", async () => {
  for (const step of ["postFacts", "closeLeases"]) {
    const { tenantId, client } = await startTenant();
    const batch = await startBatch(client, [
      lineOf("a", `Hi. ${now} simulate.tokens=5`),
      lineOf("b", "Ho. simulate.tokens=6"),
    ]);
    lostAnswers.add(step);
    await service.sql`update batch set polled_at = null`;
    assert.notEqual((await client.batches.retrieve(batch.id)).status, "completed", step);
    assert.ok(!lostAnswers.has(step), step);
    const ended = await untilEnded(client, batch.id);
    assert.equal(ended.status, "completed");
    const charged = (await usageOf(tenantId)).reduce((sum, { costNanos }) => sum + costNanos, 0n);
    assert.deepEqual(await moneyOf(tenantId), [rich - charged, 0n]);
    assert.equal((await usageOf(tenantId)).length, 2);
  }
  await assertIntegrity(billing as never);
});

test("W51, B33: a node that dies while it creates a batch leaves one there, or none, and never two", async () => {
  const { tenantId, client } = await startTenant();
  const made = await startBatch(client, [lineOf("a", `Hi. ${now} simulate.tokens=5`)]);
  // The provider has it, and we do not know.
  await service.sql`update batch set upstream_id = null where batch_id = ${made.id}`;
  assert.equal((await untilEnded(client, made.id)).status, "completed");
  assert.equal((await usageOf(tenantId)).length, 1);

  lostAnswers.add("grantLease");
  await assert.rejects(startBatch(client, [lineOf("a", "Hi.")]));
  const [, held] = await moneyOf(tenantId);
  assert.equal(held, 0n, "money of a batch that was refused is back");
  assert.equal((await client.batches.list()).data.length, 1);

  const unheld = await startBatch(client, [lineOf("a", `Hi. ${now}`)]);
  await service.sql`update batch set is_held = false, upstream_id = null where batch_id = ${unheld.id}`;
  assert.deepEqual((await untilEnded(client, unheld.id)).errors?.data?.[0]?.code, "batch_not_begun");
  assert.equal((await moneyOf(tenantId))[1], 0n);
});

test("W51: what expires or is cancelled costs what was answered, and the rest comes back; what fails costs nothing", async () => {
  const { tenantId, client } = await startTenant();
  const two = (words: string) => [lineOf("a", `Hi. ${words} simulate.tokens=5`), lineOf("b", "Ho. simulate.tokens=5")];
  const expired = await untilEnded(client, (await startBatch(client, two(`${now} simulate.batch_end=expired`))).id);
  assert.deepEqual([expired.status, expired.request_counts], ["expired", { total: 2, completed: 1, failed: 1 }]);
  const [unanswered] = await linesOf(client, expired.error_file_id);
  assert.deepEqual([unanswered.custom_id, unanswered.error.code], ["b", "batch_expired"]);
  assert.equal((await usageOf(tenantId)).length, 1);

  const slow = await startBatch(client, two("simulate.batch_ms=3600000"));
  await client.batches.cancel(slow.id);
  assert.equal((await untilEnded(client, slow.id)).status, "cancelled");
  await assert.rejects(client.batches.cancel(slow.id), refusal(409, "GATEWAY_067"));
  const [balance, held] = await moneyOf(tenantId);
  assert.equal(held, 0n);

  const failed = await untilEnded(client, (await startBatch(client, two(`${now} simulate.batch_end=failed`))).id);
  assert.equal(failed.status, "failed");
  assert.equal(failed.errors?.data?.[0]?.code, "invalid_json_line");
  assert.deepEqual(await moneyOf(tenantId), [balance, 0n]);
});

test("W51: files and batches are their owner's: for everybody else they do not exist", async () => {
  const { tenantId, client } = await startTenant();
  const batch = await untilEnded(client, (await startBatch(client, [lineOf("a", `Hi. ${now}`)])).id);
  const other = world.clientOf("ten_other/usr_1");
  const colleague = world.clientOf(`${tenantId}/usr_2`);
  for (const stranger of [other, colleague]) {
    for (const id of [batch.input_file_id, batch.output_file_id ?? ""]) {
      await assert.rejects(stranger.files.retrieve(id), refusal(404, "GATEWAY_063"));
      await assert.rejects(stranger.files.content(id), refusal(404, "GATEWAY_063"));
      await assert.rejects(stranger.files.delete(id), refusal(404, "GATEWAY_063"));
    }
    await assert.rejects(stranger.batches.retrieve(batch.id), refusal(404, "GATEWAY_064"));
    await assert.rejects(stranger.batches.cancel(batch.id), refusal(404, "GATEWAY_064"));
    const asked = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
    await assert.rejects(
      stranger.batches.create({ ...asked, input_file_id: batch.input_file_id }),
      refusal(404, "GATEWAY_063"),
    );
    assert.deepEqual([(await stranger.files.list()).data, (await stranger.batches.list()).data], [[], []]);
  }
  const barred = world.clientOf(`${tenantId}/usr_1/simulated-small`);
  const asked = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  await assert.rejects(
    barred.batches.create({ ...asked, input_file_id: batch.input_file_id }),
    refusal(404, "model_not_found"),
  );
  await assert.rejects(startBatch(barred, [lineOf("a", "Hi.")]), refusal(404, "model_not_found"));
});

test("W51, W46: what is asked by the name of a route is charged as its target, and answered under the name that was asked", async () => {
  const { tenantId, client } = await startTenant();
  const target = { provider: "simulated", model: "simulated-chat" };
  const route = routeSchema.parse({ name: "nightly", strategy: "fallback", targets: [target] });
  await service.ops.putRoute({ tenantId, ...route, expectedVersion: undefined });
  const lines = [lineOf("a", `Hi. ${now} simulate.tokens=5`, { model: "nightly" })];
  const batch = await untilEnded(client, (await startBatch(client, lines)).id);
  const [answer] = await linesOf(client, batch.output_file_id);
  assert.equal(answer.response.body.model, "nightly");
  assert.equal(await (await client.files.content(batch.input_file_id)).text(), `${lines[0]}\n`);
  assert.deepEqual(
    (await usageOf(tenantId)).map(({ provider, model }) => [provider, model]),
    [["simulated", "simulated-chat"]],
  );
});

test("W51: what is said for all calls of a tenant is written into lines that say nothing of it, and decides what is set aside", async () => {
  const { tenantId, client } = await startTenant();
  const spec = { aliases: {}, parameters: { max_tokens: 50, temperature: 0.25 } };
  await service.ops.putCallDefaults({ tenantId, keyId: "" }, spec, undefined);
  const lines = [lineOf("silent", `Hi. ${now}`, { max_tokens: undefined }), lineOf("said", "Ho.", { temperature: 1 })];
  const batch = await startBatch(client, lines);
  const bodies = (await linesOf(client, batch.input_file_id)).map(({ body }) => [body.max_tokens, body.temperature]);
  assert.deepEqual(bodies, [
    [50, 0.25],
    [100, 1],
  ]);
  const [, held] = await moneyOf(tenantId);
  assert.ok(held >= 150n * 7_000n && held < 151n * 7_000n + 200_000n, `${held} nanos for 150 tokens of output`);
  assert.equal((await untilEnded(client, batch.id)).status, "completed");
});

test("W51: who repeats the creation of a batch with its idempotency key gets the same batch, and who asks otherwise with it is refused", async () => {
  const { tenantId, client } = await startTenant();
  const file = await client.files.create({ file: await toUpload([lineOf("a", `Hi. ${now}`)]), purpose: "batch" });
  const asked = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  const keyed = { headers: { "idempotency-key": "nightly-1" } };
  const many = await Promise.allSettled(Array.from({ length: 5 }, () => client.batches.create(asked, keyed)));
  const ids = many.flatMap((one) => (one.status === "fulfilled" ? [one.value.id] : []));
  const first = await client.batches.create(asked, keyed);
  assert.deepEqual(new Set(ids), new Set([first.id]));
  for (const one of many) if (one.status === "rejected") refusal(409, "KIT_016")(one.reason);
  const other = { ...asked, metadata: { job: "other" } };
  await assert.rejects(client.batches.create(other, keyed), (err) => err instanceof APIError && err.status === 422);
  assert.equal((await client.batches.list()).data.length, 1);
  assert.notEqual((await world.clientOf(`${tenantId}/usr_1`).batches.create(asked)).id, first.id);
  await untilEnded(client, first.id);
  assert.equal((await client.batches.create(asked, keyed)).status, "completed");
});

test("W51: what is limited for a model holds for its batches: each is one request, and costs what its answers do", async () => {
  const { client } = await startTenant();
  const limit = {
    provider: "simulated",
    model: "simulated-chat",
    per: "tenant",
    costWindowMs: 86_400_000,
    expectedVersion: undefined,
  } as const;
  const one = [lineOf("a", `Hi. ${now} simulate.tokens=20`)];
  await service.ops.putModelLimit({ ...limit, name: "nightly", requestsPerMinute: 1 });
  await startBatch(client, one);
  await assert.rejects(startBatch(client, one), refusal(429, "rate_limit_exceeded"));
  await service.ops.putModelLimit({ ...limit, name: "nightly", costUsd: "0.0001" });
  const { id } = await startBatch(client, one);
  assert.equal((await startBatch(client, [lineOf("a", "Ho. simulate.batch_ms=3600000")])).status, "validating");
  await untilEnded(client, id);
  await assert.rejects(startBatch(client, one), refusal(429, "rate_limit_exceeded"));
  await service.ops.removeModelLimit("nightly");
});

test("W51: a file that its provider finds too large, or refuses, is said to be that, without a word of the provider's", async () => {
  const { client } = await startTenant();
  const large = ["a", "b"].map((id) => lineOf(id, "word ".repeat(500_000)));
  await assert.rejects(startBatch(client, large), (err: unknown) => {
    assert.ok(err instanceof APIError);
    assert.deepEqual([err.status, err.code], [413, "GATEWAY_117"], err.message);
    assert.match(err.message, /simulated-chat.*5\d{6} bytes/);
    assert.doesNotMatch(err.message, /Simulated/);
    return true;
  });
  assert.deepEqual((await client.files.list()).data, []);
});

test("W51: files are listed by pages, read as they were written, and gone when they are removed", async () => {
  const { client } = await startTenant();
  const lines = [lineOf("ü", "Grüße 世界"), lineOf("b", "Ho.")];
  const made = [];
  for (const name of ["a.jsonl", "b.jsonl", "c d.jsonl"]) {
    made.push(await client.files.create({ file: await toUpload(lines, name), purpose: "batch" }));
  }
  assert.deepEqual(
    made.map(({ filename, purpose, bytes }) => [filename, purpose, bytes]),
    ["a.jsonl", "b.jsonl", "c_d.jsonl"].map((name) => [name, "batch", Buffer.byteLength(lines.join("\n")) + 1]),
  );
  const listed = [];
  for await (const file of client.files.list({ limit: 2 })) listed.push(file.filename);
  assert.deepEqual(listed, ["c_d.jsonl", "b.jsonl", "a.jsonl"]);
  const [first] = made;
  assert.ok(first);
  assert.equal(await (await client.files.content(first.id)).text(), `${lines.join("\n")}\n`);
  assert.deepEqual(await client.files.delete(first.id), { id: first.id, object: "file", deleted: true });
  await assert.rejects(client.files.retrieve(first.id), refusal(404, "GATEWAY_063"));
  await service.ops.removeHiddenFiles(new AbortController().signal);
  const [row] = await service.sql`select count(*)::int as count from file where file_id = ${first.id}`;
  assert.equal(row?.["count"], 0);
});

test("W51: of a person who is gone nothing is left, here or at the provider, and what was answered is charged", async () => {
  const { tenantId, client } = await startTenant();
  await untilEnded(client, (await startBatch(client, [lineOf("a", `Hi. ${now} simulate.tokens=5`)])).id);
  const open = await startBatch(client, [lineOf("a", "Hi. simulate.batch_ms=3600000"), lineOf("b", "Ho.")]);
  const exported = await service.db.transaction((tx) =>
    service.ops.exportPerson(tx, { userId: "usr_1", tenantId } as never),
  );
  assert.ok(exported.files.length >= 3 && exported.batches.some(({ id }) => id === open.id));
  const signal = new AbortController().signal;
  await service.db.transaction((tx) => service.ops.forgetPerson(tx, { userId: "usr_1", tenantId } as never));
  assert.deepEqual([(await client.files.list()).data, (await client.batches.list()).data], [[], []]);
  await service.sql`update batch set polled_at = null`;
  await service.ops.advanceBatches(signal);
  await service.ops.removeHiddenFiles(signal);
  const [left] = await service.sql`
    select (select count(*)::int from file where tenant_id = ${tenantId}) as files,
      (select count(*)::int from batch where tenant_id = ${tenantId}) as batches`;
  assert.deepEqual({ ...left }, { files: 0, batches: 0 });
  assert.equal((await usageOf(tenantId)).length, 2);
  assert.equal((await moneyOf(tenantId))[1], 0n);
});

test("W51: nothing is kept of a file in which a line is wrong, and the line is named", async () => {
  const { client } = await startTenant();
  const good = lineOf("a", "Hi.");
  const cases: readonly (readonly [lines: readonly string[], message: RegExp])[] = [
    [[good, "{"], /Line 2 .*no JSON/],
    [[good, lineOf("a", "Ho.")], /Line 2 .*custom_id/],
    [[lineOf("", "Hi.")], /Line 1 .*custom_id/],
    [[good, "", lineOf("b", "Ho.", { model: "simulated-small" })], /Line 3 .*one model/],
    [[good.replace("chat/completions", "responses")], /Line 1 .*url/],
    [[good.replace('"POST"', '"GET"')], /Line 1 .*POST/],
    [[lineOf("a", "Hi.", { stream: true })], /Line 1 .*streams/],
    [[lineOf("a", "Hi.", { max_tokens: -1 })], /Line 1 .*max_tokens/],
    [[good, lineOf("b", "Ho.", { web_search_options: {} })], /Line 2 .*web_search_options .*of your own/],
    [[lineOf("a", "Hi.", { provider: { only: ["simulated"] } })], /Line 1 .*provider/],
    [[`{"custom_id":"a","custom_id":"b",${good.slice(good.indexOf('"method"'))}`], /Line 1 .*once/],
    [["\n"], /Line 1 .*no request/],
  ];
  for (const [lines, message] of cases) {
    await assert.rejects(client.files.create({ file: await toUpload(lines), purpose: "batch" }), (err) => {
      assert.ok(err instanceof APIError);
      assert.deepEqual([err.status, err.code, err.param], [400, "GATEWAY_066", "file"]);
      return message.test(err.message) || assert.fail(err.message);
    });
  }
  assert.deepEqual((await client.files.list()).data, []);
  await assert.rejects(
    client.files.create({ file: await toUpload([good]), purpose: "user_data" }),
    /purpose: must be batch/,
  );
  await assert.rejects(
    client.files.create({ file: await toUpload([lineOf("a", "Hi.", { model: "no-such" })]), purpose: "batch" }),
    refusal(404, "model_not_found"),
  );
});

test("W51: a batch that a wallet cannot pay for is refused before anything is sent, and one that it can is not", async () => {
  const { tenantId, client } = await startTenant(0n);
  await assert.rejects(startBatch(client, [lineOf("a", "Hi.")]), refusal(402, "BILLING_001"));
  assert.deepEqual((await client.files.list()).data, []);
  await billing.topUpWallet({ tenantId, amountNanos: 900_000n, reference: "more", source: "grant" });
  // 100 tokens of output at 7 USD a million, and 8 of input.
  const two = [lineOf("a", `Hi. ${now}`), lineOf("b", "Ho.")];
  await assert.rejects(startBatch(client, two), refusal(402, "BILLING_001"));
  assert.deepEqual(await moneyOf(tenantId), [900_000n, 0n]);
  assert.deepEqual((await client.batches.list()).data, []);
  const batch = await startBatch(client, two.slice(0, 1));
  assert.equal((await untilEnded(client, batch.id)).status, "completed");
  await assertIntegrity(billing as never);
});
