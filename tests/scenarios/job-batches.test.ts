import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertIntegrity } from "@lyss/services/billing/assert-integrity.ts";
import type OpenAI from "openai";
import { batchTerms, lineOf, refusal, startBatchWorld, toUpload } from "./batch-world.ts";

const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
after(() => simulator.stop());
/** An account that takes files as OpenAI does, and makes jobs of them as Mistral does. */
const world = await startBatchWorld(
  { after },
  {
    aiGateway: { simulator: false, batches: { jobs: ["jobs"] } },
    providers: [
      {
        ...{ name: "jobs", dialect: "openai", baseUrl: `${simulator.url}/v1`, apiKey },
        models: [
          { name: "open", upstreamName: "simulated-chat" },
          { name: "vectors", upstreamName: "simulated-embedding" },
        ],
      },
    ],
  },
);
const { service, billing, moneyOf, usageOf } = world;
const rich = 1_000_000_000_000n;
const now = "simulate.batch_ms=0";
const open = { model: "open" };

async function startTenant() {
  const prices = ["open", "vectors"].map((model) => ({ provider: "jobs", model, terms: batchTerms }));
  const tenantId = await world.createTenant(rich, prices);
  return { tenantId, client: world.clientOf(`${tenantId}/usr_1`) };
}

async function startBatch(client: OpenAI, lines: readonly string[]) {
  const file = await client.files.create({ file: await toUpload(lines), purpose: "batch" });
  const asked = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  return client.batches.create(asked);
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
  const text = await textOf(client, id);
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

async function askVendor(path: string) {
  return fetch(`${simulator.url}/v1${path}`, { headers: { authorization: `Bearer ${apiKey}` } });
}

test("W51: OpenAI's SDK has a file answered as a job, each line charged once at the price of batches, to the nano", async () => {
  const { tenantId, client } = await startTenant();
  const lines = [
    lineOf("first / 一", `Hello. ${now} simulate.tokens=20`, open),
    lineOf("second", "Hello again, at some length. simulate.tokens=30", open),
    lineOf("wrong", "simulate.error=400", open),
  ];
  const created = await startBatch(client, lines);
  assert.equal(await textOf(client, created.input_file_id), lines.map((line) => `${line}\n`).join(""), "as written");
  const [{ upstream_id: fileId } = {}] = await service.sql`
    select upstream_id from file where file_id = ${created.input_file_id}`;
  const sent = (await (await askVendor(`/files/${fileId}/content`)).text()).trimEnd().split("\n");
  const sentLines = sent.map((line) => JSON.parse(line));
  assert.deepEqual(
    sentLines.map((line) => [Object.keys(line), line.body.model]),
    lines.map(() => [["custom_id", "body"], "simulated-chat"]),
  );
  const [{ upstream_id: jobId } = {}] = await service.sql`
    select upstream_id from batch where batch_id = ${created.id}`;
  const job = (await (await askVendor(`/batch/jobs/${jobId}`)).json()) as Record<string, unknown>;
  assert.deepEqual([job["model"], job["input_files"]], ["simulated-chat", [fileId]]);

  const batch = await untilEnded(client, created.id);
  assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 3, completed: 2, failed: 1 }]);
  assert.ok(batch.completed_at && batch.in_progress_at);
  let cost = 0n;
  for (const { response, error } of await linesOf(client, batch.output_file_id)) {
    assert.deepEqual([response.status_code, error, response.body.model], [200, null, "open"]);
    const { prompt_tokens: input, completion_tokens: output } = response.body.usage;
    cost += BigInt(input) * 1_000n + BigInt(output) * 5_000n;
  }
  const [wrong] = await linesOf(client, batch.error_file_id);
  assert.deepEqual([wrong.custom_id, wrong.response.status_code], ["wrong", 400]);
  assert.doesNotMatch(JSON.stringify(wrong), /Simulated/, "no sentence of a provider");
  assert.deepEqual(await moneyOf(tenantId), [rich - cost, 0n]);
  const usage = await usageOf(tenantId);
  assert.equal(usage.length, 3);
  const of = { gen_ai_provider_name: "jobs", gen_ai_request_model: "open" };
  const chats = { ...of, gen_ai_operation_name: "chat" };
  for (const [direction, tokens] of [
    ["input", usage.reduce((sum, { inputTokens }) => sum + inputTokens, 0n)],
    ["output", usage.reduce((sum, { outputTokens }) => sum + outputTokens, 0n)],
  ] as const) {
    const name = `gen_ai_client_inference_usage_${direction}_tokens_total`;
    assert.equal(await world.counted(name, chats), Number(tokens), "its tokens count as those of calls");
  }
  const duration = "gen_ai_client_operation_duration_seconds_count";
  const whole = { ...of, gen_ai_operation_name: "batch", error_type: "" };
  assert.deepEqual([await world.counted(duration, whole), await world.counted(duration, chats)], [1, 0]);
  await assertIntegrity(billing as never);
});

test("W51, B33: a job whose answer was lost is found by its mark, and there are never two", async () => {
  const { tenantId, client } = await startTenant();
  const made = await startBatch(client, [lineOf("a", `Hi. ${now} simulate.tokens=5`, open)]);
  await service.sql`update batch set upstream_id = null where batch_id = ${made.id}`;
  assert.equal((await untilEnded(client, made.id)).status, "completed");
  assert.equal((await usageOf(tenantId)).length, 1);
  const listed = (await (await askVendor("/batch/jobs?page=0&page_size=100")).json()) as { readonly data: object[] };
  const own = listed.data.filter((job) => JSON.stringify(job).includes(made.id));
  assert.equal(own.length, 1);
});

test("W51: of a job that ran out of time or was cancelled what was answered is charged; one that failed costs nothing", async () => {
  const { tenantId, client } = await startTenant();
  const two = (words: string) => [
    lineOf("a", `Hi. ${words} simulate.tokens=5`, open),
    lineOf("b", "Ho. simulate.tokens=5", open),
  ];
  const expired = await untilEnded(client, (await startBatch(client, two(`${now} simulate.batch_end=expired`))).id);
  assert.deepEqual([expired.status, expired.request_counts], ["expired", { total: 2, completed: 1, failed: 1 }]);
  assert.ok(expired.expired_at);
  const slow = await startBatch(client, two("simulate.batch_ms=3600000"));
  await client.batches.cancel(slow.id);
  const cancelled = await untilEnded(client, slow.id);
  assert.equal(cancelled.status, "cancelled", JSON.stringify(cancelled.errors));
  await assert.rejects(client.batches.cancel(slow.id), refusal(409, "GATEWAY_067"));
  const [balance] = await moneyOf(tenantId);
  const failed = await untilEnded(client, (await startBatch(client, two(`${now} simulate.batch_end=failed`))).id);
  assert.deepEqual([failed.status, failed.errors?.data?.[0]?.code], ["failed", "batch_failed"]);
  assert.deepEqual(await moneyOf(tenantId), [balance, 0n]);
  await assertIntegrity(billing as never);
});

test("W51: batches of Anthropic's form go to an account of jobs, too", async () => {
  const { tenantId } = await startTenant();
  const headers = { "x-api-key": "", authorization: `Bearer ${tenantId}/usr_1`, "content-type": "application/json" };
  const params = { ...open, max_tokens: 50, messages: [{ role: "user", content: `Hello ${now} simulate.tokens=5` }] };
  const res = await fetch(`${world.server.url}/v1/messages/batches`, {
    ...{ method: "POST", headers },
    body: JSON.stringify({ requests: [{ custom_id: "one", params }] }),
  });
  const { id } = (await res.json()) as { readonly id: string };
  const look = async (path = "") => {
    await service.sql`update batch set polled_at = null where batch_id = ${id}`;
    return fetch(`${world.server.url}/v1/messages/batches/${id}${path}`, { headers });
  };
  for (let looks = 0; looks < 20; looks++) {
    const batch = (await (await look()).json()) as { readonly processing_status: string };
    if (batch.processing_status === "ended") break;
  }
  const [line = ""] = (await (await look("/results")).text()).split("\n");
  const { custom_id, result } = JSON.parse(line);
  assert.deepEqual([custom_id, result.type, result.message.role], ["one", "succeeded", "assistant"]);
  const [used] = await usageOf(tenantId);
  assert.deepEqual([used?.serviceMode, used?.outcome], ["batch", "completed"]);
});
