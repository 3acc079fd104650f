import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertIntegrity } from "@lyss/services/billing/assert-integrity.ts";
import type OpenAI from "openai";
import { batchTerms, lineOf, lostAnswers, refusal, startBatchWorld, toUpload } from "./batch-world.ts";

const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
after(() => simulator.stop());
/** An account at Anthropic and one at Google: neither takes a file of requests. */
const wires = { claude: ["anthropic", "/v1"], gemini: ["gemini", "/v1beta"] } as const;
const maxKeptFileBytes = 20_000;
const world = await startBatchWorld(
  { after },
  {
    aiGateway: {
      simulator: false,
      batches: { providers: Object.keys(wires), maxKeptFileBytes, maxTenantKeptBytes: 2 * maxKeptFileBytes },
    },
    providers: Object.entries(wires).map(([name, [dialect, path]]) => ({
      ...{ name, dialect, baseUrl: simulator.url + path, apiKey },
      models: [
        { name, upstreamName: "simulated-chat" },
        { name: `${name}-vectors`, upstreamName: "simulated-embedding" },
      ],
    })),
  },
);
const { service, billing, moneyOf, usageOf } = world;
const models = Object.keys(wires) as (keyof typeof wires)[];
const rich = 1_000_000_000_000n;
const now = "simulate.batch_ms=0";

async function startTenant() {
  const prices = models.flatMap((provider) =>
    [provider, `${provider}-vectors`].map((model) => ({ provider, model, terms: batchTerms })),
  );
  const tenantId = await world.createTenant(rich, prices);
  return { tenantId, client: world.clientOf(`${tenantId}/usr_1`) };
}

async function startBatch(client: OpenAI, lines: readonly string[]) {
  const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
  return client.batches.create({
    ...{ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" },
  });
}

async function untilEnded(client: OpenAI, id: string) {
  for (let looks = 0; looks < 20; looks++) {
    await service.sql`update batch set polled_at = null where batch_id = ${id}`;
    const batch = await client.batches.retrieve(id);
    if (["completed", "failed", "expired", "cancelled"].includes(batch.status)) return batch;
  }
  return assert.fail("the batch has not ended");
}

async function textOf(client: OpenAI, id: string | null | undefined) {
  return (await client.files.content(id ?? "")).text();
}

async function linesOf(client: OpenAI, id: string | null | undefined) {
  return (await textOf(client, id))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

for (const model of models) {
  test(`W18: a file at ${model}'s account calls tools by the names that they were given`, async () => {
    const { client } = await startTenant();
    const named = { type: "function", function: { name: "天气/今天" } };
    const more = { model, tools: [named], tool_choice: named };
    const { id } = await startBatch(client, [lineOf("a", `Hi. ${now}`, more), lineOf("b", "Hi.", { model })]);
    const batch = await untilEnded(client, id);
    const answers = await linesOf(client, batch.output_file_id);
    const called = answers.map(({ custom_id, response }) => [
      custom_id,
      response.body.choices[0].message.tool_calls?.[0].function.name,
    ]);
    assert.deepEqual(called, [...[["a", "天气/今天"]], ["b", undefined]]);
    const { bytes } = await client.files.retrieve(batch.output_file_id ?? "");
    assert.equal(bytes, Buffer.byteLength(await textOf(client, batch.output_file_id)), "as long as it is said to be");
  });

  test(`W51: OpenAI's SDK has a file answered at ${model}'s account, each line charged once at the price of batches, to the nano`, async () => {
    const { tenantId, client } = await startTenant();
    // Names that Anthropic would refuse.
    const lines = [
      lineOf("first / 一", `Hello. ${now} simulate.tokens=20`, { model }),
      lineOf("x".repeat(200), "Hello again, at some length. simulate.tokens=30", { model }),
      lineOf("wrong", "simulate.error=400", { model }),
    ];
    const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
    assert.equal(file.expires_at, file.created_at + 30 * 86_400);
    assert.equal(await textOf(client, file.id), lines.map((line) => `${line}\n`).join(""), "as it was written");
    const [sealed] = await service.sql`select sealed from file_piece where file_id = ${file.id}`;
    assert.ok(!sealed?.["sealed"].includes("Hello"), "and sealed");

    const asked = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
    const made = await client.batches.create({ ...asked, input_file_id: file.id, metadata: { job: "nightly" } });
    assert.ok((await moneyOf(tenantId))[1] > 0n, "the most that it may cost is set aside");
    const batch = await untilEnded(client, made.id);
    assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 3, completed: 2, failed: 1 }]);
    const answers = await linesOf(client, batch.output_file_id);
    const names = answers.map(({ custom_id }) => custom_id);
    assert.deepEqual(names, ["first / 一", "x".repeat(200)]);
    let cost = 0n;
    for (const { response, error } of answers) {
      assert.deepEqual([response.status_code, error, response.body.object], [200, null, "chat.completion"]);
      assert.deepEqual([response.body.model, response.body.choices[0].message.role], [model, "assistant"]);
      const { prompt_tokens: input, completion_tokens: output } = response.body.usage;
      cost += BigInt(input) * 1_000n + BigInt(output) * 5_000n;
    }
    const [wrong, ...more] = await linesOf(client, batch.error_file_id);
    assert.deepEqual([wrong.custom_id, wrong.response.status_code, wrong.error, more], ["wrong", 400, null, []]);
    assert.doesNotMatch(JSON.stringify(wrong), /Simulated/, "no sentence of a provider");
    for (const id of [batch.output_file_id, batch.error_file_id]) {
      const { bytes } = await client.files.retrieve(id ?? "");
      assert.equal(bytes, Buffer.byteLength(await textOf(client, id)), "as long as it is said to be");
    }
    assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
    const used = (await usageOf(tenantId)).map(({ outcome, serviceMode, provider }) => [
      outcome,
      serviceMode,
      provider,
    ]);
    assert.deepEqual(used, [...[1, 2].map(() => ["completed", "batch", model]), ["failed", "batch", model]]);

    // Both files are one thing there: it goes with the last.
    await client.files.delete(batch.output_file_id ?? "");
    await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
    assert.equal((await linesOf(client, batch.error_file_id)).length, 1);
    for (const id of [batch.error_file_id, file.id]) await client.files.delete(id ?? "");
    await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
    await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
    const [left] = await service.sql`
      select (select count(*)::int from file where tenant_id = ${tenantId}) as files,
        (select count(*)::int from file_piece where file_id = ${file.id}) as pieces`;
    assert.deepEqual({ ...left }, { files: 0, pieces: 0 });
    await assertIntegrity(billing as never);
  });

  test(`W51: at ${model}'s account what is cancelled or expires costs what was answered, and each other line says what became of it`, async () => {
    const { tenantId, client } = await startTenant();
    const two = (words: string) => [
      lineOf("a", `Hi. ${words} simulate.tokens=5`, { model }),
      lineOf("b", "Ho. simulate.tokens=5", { model }),
    ];
    const expired = await untilEnded(client, (await startBatch(client, two(`${now} simulate.batch_end=expired`))).id);
    assert.deepEqual([expired.status, expired.request_counts], ["expired", { total: 2, completed: 1, failed: 1 }]);
    const [unmade] = await linesOf(client, expired.error_file_id);
    assert.deepEqual([unmade.custom_id, unmade.response, unmade.error.code], ["b", null, "batch_expired"]);
    const slow = await startBatch(client, two("simulate.batch_ms=3600000"));
    await client.batches.cancel(slow.id);
    const cancelled = await untilEnded(client, slow.id);
    assert.equal(cancelled.status, "cancelled");
    const lines = await linesOf(client, cancelled.error_file_id);
    assert.deepEqual(lines.at(-1).error.code, "batch_cancelled");
    const charged = (await usageOf(tenantId)).reduce((sum, { costNanos }) => sum + costNanos, 0n);
    assert.deepEqual(await moneyOf(tenantId), [rich - charged, 0n]);
  });

  test(`W51, B33: at ${model}'s account a node that dies between any two steps charges nothing twice and leaves no money behind`, async () => {
    for (const step of ["postFacts", "closeLeases"]) {
      const { tenantId, client } = await startTenant();
      const { id } = await startBatch(client, [lineOf("a", `Hi. ${now} simulate.tokens=5`, { model })]);
      lostAnswers.add(step);
      await service.sql`update batch set polled_at = null`;
      assert.notEqual((await client.batches.retrieve(id)).status, "completed", step);
      await untilEnded(client, id);
      const used = await usageOf(tenantId);
      assert.deepEqual([used.length, await moneyOf(tenantId)], [1, [rich - (used[0]?.costNanos ?? 0n), 0n]]);
    }
  });
}

test("W51: texts are embedded in a file at Google's account, each as by itself, and charged at the price of batches; elsewhere there is none", async () => {
  const { tenantId, client } = await startTenant();
  const model = "gemini-vectors";
  const embed = (custom_id: string, body: object) =>
    JSON.stringify({ custom_id, method: "POST", url: "/v1/embeddings", body: { model, ...body } });
  const start = async (lines: readonly string[]) => {
    const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
    const asked = { endpoint: "/v1/embeddings", completion_window: "24h" } as const;
    return client.batches.create({ ...asked, input_file_id: file.id });
  };
  const numbers = { input: `Hello there ${now}`, dimensions: 8 };
  const { id } = await start([
    embed("numbers", numbers),
    embed("base64", { ...numbers, encoding_format: "base64" }),
    embed("wrong", { input: "simulate.error=400" }),
  ]);
  const batch = await untilEnded(client, id);
  assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 3, completed: 2, failed: 1 }]);
  const answers = await linesOf(client, batch.output_file_id);
  let cost = 0n;
  for (const { custom_id, response } of answers) {
    const encoding_format = custom_id === "base64" ? "base64" : "float";
    // The SDK reads base64 unless numbers are asked for.
    const alone = (await client.post("/embeddings", { body: { model, ...numbers, encoding_format } })) as {
      readonly data: unknown;
      readonly usage: unknown;
    };
    const { object, data, usage } = response.body;
    assert.deepEqual([response.status_code, object, response.body.model], [200, "list", model]);
    assert.deepEqual([data, usage], [alone.data, alone.usage], custom_id);
    cost += BigInt(usage.prompt_tokens) * 1_000n;
  }
  assert.deepEqual(
    answers.map(({ custom_id }) => custom_id),
    ["numbers", "base64"],
  );
  const batched = (await usageOf(tenantId)).filter(({ serviceMode }) => serviceMode === "batch");
  assert.equal(
    batched.reduce((sum, { costNanos }) => sum + costNanos, 0n),
    cost,
  );
  const { bytes } = await client.files.retrieve(batch.output_file_id ?? "");
  assert.equal(bytes, Buffer.byteLength(await textOf(client, batch.output_file_id)), "as long as it is said to be");

  await assert.rejects(start([embed("two", { input: ["a", "b"] })]), refusal(400, "GATEWAY_066"));
  const claude = { ...numbers, model: "claude-vectors" };
  await assert.rejects(start([embed("claude", claude)]), refusal(400, "GATEWAY_065"));
  await assertIntegrity(billing as never);
});

test("W51: a file that is kept here is one person's, of a bounded length, for a bounded time, and goes with its person", async () => {
  const { tenantId, client } = await startTenant();
  const line = (customId: string, length: number) => lineOf(customId, "x".repeat(length), { model: "claude" });
  const upload = async (lines: readonly string[]) =>
    client.files.create({ file: await toUpload(lines), purpose: "batch" });
  await assert.rejects(upload([line("a", maxKeptFileBytes)]), refusal(413, "GATEWAY_117"));
  await assert.rejects(
    upload([lineOf("a", "Hi.", { model: "claude", n: 2 })]),
    refusal(400, "GATEWAY_066"),
    "what Anthropic has no place for",
  );
  const [first] = [await upload([line("a", 15_000)]), await upload([line("a", 15_000)])];
  await assert.rejects(upload([line("a", 15_000)]), refusal(409, "GATEWAY_131"));
  await assert.rejects(world.clientOf(`${tenantId}/usr_2`).files.content(first.id), refusal(404, "GATEWAY_063"));
  const early = await client.files.create({ file: await toUpload([line("a", 100)]), purpose: "batch" });
  await service.sql`update file set expires_at = expires_at - interval '31 days' where file_id = ${early.id}`;
  await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
  await assert.rejects(client.files.retrieve(early.id), refusal(404, "GATEWAY_063"));
  await service.db.transaction((tx) => service.ops.forgetPerson(tx, { userId: "usr_1", tenantId } as never));
  await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
  const [left] = await service.sql`select count(*)::int as count from file_piece where file_id = ${first.id}`;
  assert.equal(left?.["count"], 0);
});

test("a file that waits here goes when its tenant's data policy says so, and is gone then", async () => {
  const { tenantId, client } = await startTenant();
  const policy = { tenantId, version: 1n, retentionDays: 2, storeBodies: false, redact: [] };
  await service.db.transaction((tx) => service.ops.followDataPolicy(tx, policy));
  await service.ops.loadBodyPolicies();
  const [model] = models;
  const lines = [lineOf("a", "Hello.", { model: model ?? "" })];
  const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
  assert.equal(file.expires_at, file.created_at + 2 * 86_400);
  await service.sql`update file set expires_at = ${new Date(clock.nowMs())} where file_id = ${file.id}`;
  await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
  await assert.rejects(client.files.retrieve(file.id), refusal(404, "GATEWAY_063"));
  const [piece] = await service.sql`select count(*)::int as count from file_piece where file_id = ${file.id}`;
  assert.equal(piece?.["count"], 0);
});
