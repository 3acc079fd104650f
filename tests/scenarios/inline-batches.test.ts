import assert from "node:assert/strict";
import { after, test } from "node:test";
import Anthropic, { APIError } from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI, JobState } from "@google/genai";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertIntegrity } from "@lyss/services/billing/assert-integrity.ts";
import { batchTerms, lostAnswers, startBatchWorld } from "./batch-world.ts";

const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
after(() => simulator.stop());
/** An account at Anthropic, one at Google, and one that takes files as OpenAI does. */
const wires = { claude: ["anthropic", "/v1"], gemini: ["gemini", "/v1beta"], gpt: ["openai", "/v1"] } as const;
const world = await startBatchWorld(
  { after },
  {
    aiGateway: { simulator: false, batches: { providers: Object.keys(wires) } },
    providers: Object.entries(wires).map(([name, [dialect, path]]) => ({
      ...{ name, dialect, baseUrl: simulator.url + path, apiKey },
      models: [
        { name, upstreamName: "simulated-chat" },
        ...(dialect === "anthropic" ? [] : [{ name: `${name}-vectors`, upstreamName: "simulated-embedding" }]),
      ],
    })),
  },
);
const { service, billing, moneyOf, usageOf } = world;
const models = Object.keys(wires) as (keyof typeof wires)[];
const rich = 1_000_000_000_000n;
const now = "simulate.batch_ms=0";

async function startTenant(amountNanos = rich) {
  const prices = models.flatMap((provider) =>
    [provider, `${provider}-vectors`].map((model) => ({ provider, model, terms: batchTerms })),
  );
  const tenantId = await world.createTenant(amountNanos, prices);
  return { tenantId, ...clientsOf(`${tenantId}/usr_1`) };
}

function clientsOf(key: string) {
  const baseURL = world.server.url;
  const { batches } = new Anthropic({ baseURL, authToken: key, apiKey: null, maxRetries: 0 }).messages;
  const httpOptions = { baseUrl: baseURL, headers: { authorization: `Bearer ${key}` } };
  return { batches, google: new GoogleGenAI({ apiKey: "unused", httpOptions }).batches };
}

const item = (custom_id: string, model: string, content: string, more: object = {}) => ({
  custom_id,
  params: { model, max_tokens: 100, messages: [{ role: "user" as const, content }], ...more },
});
const content = (text: string, id: string) => ({ contents: [{ role: "user", parts: [{ text }] }], metadata: { id } });

async function untilEnded(batches: Anthropic.Messages.Batches, id: string) {
  for (let looks = 0; looks < 20; looks++) {
    await service.sql`update batch set polled_at = null where batch_id = ${id}`;
    const batch = await batches.retrieve(id);
    if (batch.processing_status === "ended") return batch;
  }
  return assert.fail("the batch has not ended");
}

const refusal =
  (status: number, code: string, message = /./) =>
  (err: unknown) => {
    assert.ok(err instanceof APIError);
    const { error } = err.error as { error: { code: string } };
    assert.deepEqual([err.status, error.code], [status, code], err.message);
    assert.match(err.message, message);
    return true;
  };

for (const model of models) {
  test(`W18: a batch of messages at ${model} calls tools by the names that they were given`, async () => {
    const { batches } = await startTenant();
    const name = "mcp__weather__".padEnd(128, "x");
    const tools = [{ name, input_schema: { type: "object", properties: {} } }];
    const more = { tools, tool_choice: { type: "tool", name } };
    const made = await batches.create({
      requests: [item("named", model, `How is it? ${now}`, more), item("plain", model, "Hello.")],
    });
    await untilEnded(batches, made.id);
    const called = (await Array.fromAsync(await batches.results(made.id))).flatMap(({ custom_id, result }) =>
      result.type === "succeeded"
        ? result.message.content.flatMap((block) => (block.type === "tool_use" ? [[custom_id, block.name]] : []))
        : [[custom_id, result.type]],
    );
    assert.deepEqual(called, [["named", name]]);
  });

  test(`W51: Anthropic's SDK has messages answered at ${model} as a batch, each charged once at the price of batches, to the nano`, async () => {
    const { tenantId, batches } = await startTenant();
    const made = await batches.create({
      requests: [
        item("plain", model, `Hello. ${now} simulate.tokens=20`),
        item("longer", model, "Hello again, at some length. simulate.tokens=30"),
        item("wrong", model, "simulate.error=400"),
      ],
    });
    assert.deepEqual(
      [made.type, made.processing_status, made.request_counts.processing],
      ["message_batch", "in_progress", 3],
    );
    assert.ok((await moneyOf(tenantId))[1] > 0n, "the most that it may cost is set aside");

    const batch = await untilEnded(batches, made.id);
    const counts = { processing: 0, succeeded: 2, errored: 1, canceled: 0, expired: 0 };
    assert.deepEqual([batch.request_counts, batch.ended_at !== null], [counts, true]);
    const results = await Array.fromAsync(await batches.results(made.id));
    let cost = 0n;
    for (const { custom_id, result } of results) {
      if (result.type !== "succeeded") {
        assert.ok(result.type === "errored" && custom_id === "wrong", custom_id);
        assert.doesNotMatch(JSON.stringify(result), /Simulated/, "no sentence of a provider");
        continue;
      }
      const { message } = result;
      assert.deepEqual([message.type, message.model, message.content[0]?.type], ["message", model, "text"]);
      // Millionths of a dollar at 1 and 5 USD per million.
      cost += BigInt(message.usage.input_tokens) * 1_000n + BigInt(message.usage.output_tokens) * 5_000n;
    }
    assert.deepEqual(results.map(({ custom_id }) => custom_id).toSorted(), ["longer", "plain", "wrong"]);
    assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
    const used = (await usageOf(tenantId)).map(({ outcome, serviceMode, provider }) => [
      outcome,
      serviceMode,
      provider,
    ]);
    assert.deepEqual(used, [...[1, 2].map(() => ["completed", "batch", model]), ["failed", "batch", model]]);

    assert.deepEqual(
      (await batches.list()).data.map(({ id }) => id),
      [made.id],
    );
    assert.deepEqual(await batches.delete(made.id), { id: made.id, type: "message_batch_deleted" });
    await assert.rejects(batches.retrieve(made.id), refusal(404, "GATEWAY_064"));
    await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
    const [left] = await service.sql`select count(*)::int as count from file where tenant_id = ${tenantId}`;
    assert.equal(left?.["count"], 0);
    await assertIntegrity(billing as never);
  });

  test(`W51: Google's SDK has contents answered at ${model} as a batch, in their order, with what was said beside each`, async () => {
    const { tenantId, google } = await startTenant();
    const src = [
      content(`Hello. ${now} simulate.tokens=20`, "a"),
      content("simulate.error=400", "b"),
      content("Ho. simulate.tokens=9", "c"),
    ];
    const made = await google.create({ model, src, config: { displayName: "nightly" } });
    assert.deepEqual(
      [made.state, made.displayName, made.model],
      [JobState.JOB_STATE_PENDING, "nightly", `models/${model}`],
    );
    const name = made.name ?? "";
    await service.sql`update batch set polled_at = null`;
    await google.get({ name });
    await service.sql`update batch set polled_at = null`;
    const job = await google.get({ name });
    assert.equal(job.state, JobState.JOB_STATE_SUCCEEDED);
    const answers = job.dest?.inlinedResponses ?? [];
    assert.deepEqual(
      answers.map(({ metadata }) => metadata?.["id"]),
      ["a", "b", "c"],
    );
    const [first, wrong, last] = answers;
    assert.deepEqual([first?.response?.modelVersion, wrong?.error?.code], [model, 3]);
    assert.doesNotMatch(JSON.stringify(wrong), /Simulated/);
    let cost = 0n;
    for (const { usageMetadata } of [first?.response, last?.response].map((one) => one ?? assert.fail())) {
      cost +=
        BigInt(usageMetadata?.promptTokenCount ?? 0) * 1_000n +
        BigInt(usageMetadata?.candidatesTokenCount ?? 0) * 5_000n;
    }
    assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
    const listed = await Array.fromAsync(await google.list());
    assert.deepEqual(
      listed.map((one) => one.name),
      [name],
    );
    await google.delete({ name });
    await assert.rejects(google.get({ name }), (err) => err instanceof ApiError && err.status === 404);
  });
}

for (const model of ["gemini-vectors", "gpt-vectors"]) {
  test(`W47, W51: Google's SDK has texts embedded at ${model} as a batch, in their order, each charged once`, async () => {
    const { tenantId, google } = await startTenant();
    const contents = [`A cat. ${now}`, "A dog.", "A cat, at some length."];
    const made = await google.createEmbeddings({
      ...{ model, src: { inlinedRequests: { contents, config: { outputDimensionality: 3 } } } },
      config: { displayName: "texts" },
    });
    assert.deepEqual([made.state, made.displayName], [JobState.JOB_STATE_PENDING, "texts"]);
    assert.ok((await moneyOf(tenantId))[1] > 0n, "the most that it may cost is set aside");
    const name = made.name ?? "";
    for (let looks = 0; looks < 2; looks++) {
      await service.sql`update batch set polled_at = null`;
      await google.get({ name });
    }
    const job = await google.get({ name });
    assert.equal(job.state, JobState.JOB_STATE_SUCCEEDED);
    const vectors = (job.dest?.inlinedEmbedContentResponses ?? []).map(({ response }) => response?.embedding?.values);
    assert.deepEqual(
      vectors.map((values) => values?.length),
      [3, 3, 3],
    );
    assert.notDeepEqual(vectors[0], vectors[1]);
    const usage = await usageOf(tenantId);
    const cost = usage.reduce((sum, { costNanos }) => sum + costNanos, 0n);
    assert.deepEqual([usage.length, await moneyOf(tenantId)], [3, [rich - cost, 0n]]);
    assert.ok(cost > 0n);
    await assertIntegrity(billing as never);
  });
}

test("W51: texts are embedded only where a model does that, and one that is wrong is named", async () => {
  const { tenantId, google } = await startTenant();
  const ask = (model: string, outputDimensionality = 3) =>
    google.createEmbeddings({
      ...{ model, src: { inlinedRequests: { contents: ["A cat.", "A dog."], config: { outputDimensionality } } } },
    });
  const refused = (text: RegExp) => (err: unknown) => err instanceof ApiError && text.test(err.message);
  await assert.rejects(ask("claude"), refused(/takes batches|batch/));
  await assert.rejects(ask("gemini-vectors", 0), refused(/request\.outputDimensionality/));
  assert.deepEqual(await moneyOf(tenantId), [rich, 0n]);
});

test("W51, B33: a node that dies between any two steps charges nothing twice, leaves no money behind, and no batch that nobody finds", async () => {
  for (const step of ["postFacts", "closeLeases"]) {
    const { tenantId, batches } = await startTenant();
    const { id } = await batches.create({ requests: [item("a", "claude", `Hi. ${now} simulate.tokens=5`)] });
    lostAnswers.add(step);
    await service.sql`update batch set polled_at = null`;
    assert.equal((await batches.retrieve(id)).processing_status, "in_progress", step);
    await untilEnded(batches, id);
    const used = await usageOf(tenantId);
    assert.deepEqual([used.length, await moneyOf(tenantId)], [1, [rich - (used[0]?.costNanos ?? 0n), 0n]]);
  }
  for (const [model, status] of [
    ["claude", "errored"],
    ["gemini", "succeeded"],
  ] as const) {
    const { tenantId, batches } = await startTenant();
    const { id } = await batches.create({ requests: [item("a", model, `Hi. ${now} simulate.tokens=5`)] });
    // The provider has it, and we do not know: Google's is found by our mark, Anthropic's bears none.
    await service.sql`update batch set upstream_id = null where batch_id = ${id}`;
    assert.equal((await untilEnded(batches, id)).request_counts[status], 1, model);
    const [result] = await Array.fromAsync(await batches.results(id));
    assert.deepEqual([result?.custom_id, result?.result.type], ["a", status]);
    assert.equal((await moneyOf(tenantId))[1], 0n);
  }
  const { tenantId, batches } = await startTenant();
  lostAnswers.add("grantLease");
  await assert.rejects(batches.create({ requests: [item("a", "claude", "Hi.")] }));
  assert.deepEqual([(await batches.list()).data, await moneyOf(tenantId)], [[], [rich, 0n]]);
  await assertIntegrity(billing as never);
});

test("W51: what is cancelled or expires costs what was answered, and says of the rest what became of it", async () => {
  const { tenantId, batches, google } = await startTenant();
  for (const model of models) {
    const two = (words: string) => ({
      requests: [item("a", model, `Hi. ${words} simulate.tokens=5`), item("b", model, "Ho.")],
    });
    const slow = await batches.create(two("simulate.batch_ms=3600000"));
    await assert.rejects(batches.delete(slow.id), refusal(409, "GATEWAY_119"));
    const early = await fetch(`${world.server.url}/v1/messages/batches/${slow.id}/results`, {
      headers: { authorization: `Bearer ${tenantId}/usr_1` },
    });
    assert.equal(early.status, 409);
    assert.notEqual((await batches.cancel(slow.id)).processing_status, "in_progress");
    const canceled = await untilEnded(batches, slow.id);
    assert.deepEqual([canceled.request_counts.succeeded, canceled.request_counts.canceled], [1, 1], model);
    await assert.rejects(batches.cancel(slow.id), refusal(409, "GATEWAY_067"));
    const expired = await untilEnded(batches, (await batches.create(two(`${now} simulate.batch_end=expired`))).id);
    assert.deepEqual([expired.request_counts.succeeded, expired.request_counts.expired], [1, 1], model);
    const results = await Array.fromAsync(await batches.results(expired.id));
    assert.deepEqual(
      results.map(({ custom_id, result }) => [custom_id, result.type]),
      [
        ["a", "succeeded"],
        ["b", "expired"],
      ],
    );
  }
  const job = await google.create({ model: "gemini", src: [content("Slow. simulate.batch_ms=3600000", "a")] });
  const name = job.name ?? "";
  await google.cancel({ name });
  await service.sql`update batch set polled_at = null`;
  const ended = await google.get({ name });
  assert.deepEqual([ended.state, ended.dest?.inlinedResponses?.[0]?.error?.code], [JobState.JOB_STATE_CANCELLED, 1]);
  assert.equal((await moneyOf(tenantId))[1], 0n);
});

test("W51: a batch is its owner's and its dialect's: for everybody else, and on every other surface, it does not exist", async () => {
  const { tenantId, batches, google } = await startTenant();
  const { id } = await batches.create({ requests: [item("a", "gpt", `Hi. ${now}`)] });
  await untilEnded(batches, id);
  for (const key of ["ten_other/usr_1", `${tenantId}/usr_2`]) {
    const { batches: stranger } = clientsOf(key);
    await assert.rejects(stranger.retrieve(id), refusal(404, "GATEWAY_064"));
    await assert.rejects(stranger.cancel(id), refusal(404, "GATEWAY_064"));
    await assert.rejects(stranger.delete(id), refusal(404, "GATEWAY_064"));
    assert.deepEqual((await stranger.list()).data, []);
  }
  const openai = world.clientOf(`${tenantId}/usr_1`);
  assert.deepEqual([(await openai.batches.list()).data, (await openai.files.list()).data], [[], []]);
  await assert.rejects(openai.batches.retrieve(id), /GATEWAY_064|no batch/);
  await assert.rejects(google.get({ name: `batches/${id}` }), (err) => err instanceof ApiError && err.status === 404);
  assert.deepEqual(
    (await batches.list()).data.map((one) => one.id),
    [id],
  );
  await service.db.transaction((tx) => service.ops.forgetPerson(tx, { userId: "usr_1", tenantId } as never));
  await service.ops.removeHiddenFiles(AbortSignal.timeout(10_000));
  const [left] = await service.sql`
    select (select count(*)::int from file where tenant_id = ${tenantId}) as files,
      (select count(*)::int from batch where tenant_id = ${tenantId}) as batches`;
  assert.deepEqual({ ...left }, { files: 0, batches: 0 });
});

test("W51: batches are listed by pages in both directions, and a repeat with an idempotency key is the same batch", async () => {
  const { batches } = await startTenant();
  const requests = [item("a", "claude", "Hi.")];
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.unshift((await batches.create({ requests })).id);
  assert.deepEqual(
    (await Array.fromAsync(batches.list({ limit: 2 }))).map(({ id }) => id),
    ids,
  );
  const before = await batches.list({ limit: 1, before_id: ids[2] ?? "" });
  assert.deepEqual([before.data.map(({ id }) => id), before.has_more], [[ids[1]], true]);
  const keyed = { headers: { "idempotency-key": "k" } };
  const first = await batches.create({ requests }, keyed);
  assert.equal((await batches.create({ requests }, keyed)).id, first.id);
  await assert.rejects(
    batches.create({ requests: [item("b", "claude", "Hi.")] }, keyed),
    (err) => err instanceof APIError && err.status === 422,
  );
});

test("W51: nothing is kept of a batch in which a request is wrong, and the request is named; nor of one that cannot be paid for", async () => {
  const { tenantId, batches, google } = await startTenant();
  const good = item("a", "claude", "Hi.");
  const refused = async (requests: unknown, message: RegExp, code = "GATEWAY_120") =>
    assert.rejects(batches.create({ requests } as never), refusal(400, code, message));
  await refused([good, { ...good, custom_id: "b", params: { model: "claude" } }], /Request 2 .*params\.messages/);
  await refused([good, { ...good, custom_id: "b c" }], /Request 2 .*custom_id/);
  await refused([good, good], /Request 2 .*stands before/);
  await refused([good, item("b", "gemini", "Hi.")], /Request 2 .*one model/);
  await refused([item("a", "claude", "Hi.", { stream: true })], /Request 1 .*params\.stream/);
  await refused([item("a", "claude", "Hi.", { provider: {} })], /Request 1 .*provider/);
  await refused([{ ...good, more: 1 }], /Request 1 .*more/);
  await refused([], /requests/, "GATEWAY_002");
  await refused("no list", /requests/, "GATEWAY_002");
  await assert.rejects(batches.create({ requests: [item("a", "no-such", "Hi.")] }), refusal(404, "model_not_found"));
  await assert.rejects(
    google.create({ model: "gemini", src: { fileName: "files/a" } }),
    (err) => err instanceof ApiError && err.status === 400 && /fileName/.test(err.message),
  );
  assert.deepEqual((await batches.list()).data, []);
  const poor = await startTenant(0n);
  await assert.rejects(poor.batches.create({ requests: [good] }), refusal(402, "BILLING_001"));
  assert.deepEqual([(await poor.batches.list()).data, await moneyOf(tenantId)], [[], [rich, 0n]]);
});
