import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import type { Model, Provider } from "@lyss/services/ai-gateway/model.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { createAiGatewayStore } from "@lyss/services/ai-gateway/store.ts";
import OpenAI, { APIError, toFile } from "openai";
import { refusal as refusalWith, startBatchWorld } from "./batch-world.ts";

const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "a-key" });
after(() => simulator.stop());
/** The operator's own account, beside the simulated one. */
const shared = {
  ...{ name: "shared", baseUrl: `${simulator.url}/v1` },
  models: [{ name: "shared-chat", upstreamName: "simulated-chat", inputUsdPerMillion: "1", outputUsdPerMillion: "1" }],
};
const { service, clientOf, createTenant, usageOf, moneyOf } = await startBatchWorld({ after }, { providers: [shared] });
const { ops, sql } = service;
const tenantId = await createTenant(1_000_000_000n);

const model = (name: string): Model => ({
  ...{ name, upstreamName: name, inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 },
  ...{ cachedInputUsdPerMillion: undefined, showsAllOutput: false },
});
const elsewhere: Provider = {
  ...{ providerId: "prv_elsewhere", tenantId, name: "elsewhere", dialect: "openai", source: "tenant" },
  ...{ baseUrl: "https://x.test/v1", credentialId: "", models: [model("far-chat")], onDisconnect: "cancel" },
  ...{ serverTools: true, apiVersion: "2024-10-21", unsupportedParameters: "drop", createdAt: new Date(0) },
};
await service.db.transaction((tx) => createAiGatewayStore(service.db.sql).putProvider(tx, elsewhere));
await ops.loadTenantProviders();
const client = clientOf(`${tenantId}/usr_1`);

const refusal = (status: number, code: string, message?: RegExp) => (err: unknown) => {
  if (message) assert.match(String(err), message);
  return refusalWith(status, code)(err);
};
const example = (text: string) =>
  JSON.stringify({
    messages: [
      { role: "user", content: text },
      { role: "assistant", content: "Yes." },
    ],
  });
const now = "simulate.tuning_ms=0";
const upload = async (lines: readonly string[], at = client) =>
  at.files.create({ file: await toFile(Buffer.from(`${lines.join("\n")}\n`), "examples.jsonl"), purpose: "fine-tune" });
const lines = [example(`Is this paid? ${now}`), example("And this?")];
/** A look is a second old at most, so the clock of looks is turned back. */
const look = () => sql`update fine_tuning_job set polled_at = null`;

test("OpenAI's SDK fine-tunes a model: it is made, looked at, and its results, events and checkpoints are read by our ids", async () => {
  const [file, validation] = [await upload(lines), await upload(lines)];
  assert.deepEqual([file.purpose, file.filename], ["fine-tune", "examples.jsonl"]);
  assert.equal(
    await (await client.files.content(file.id)).text(),
    `${lines.join("\n")}\n`,
    "kept until a job needs it",
  );
  const made = await client.fineTuning.jobs.create({
    ...{ model: "simulated-chat", training_file: file.id, validation_file: validation.id, suffix: "mine", seed: 7 },
    ...{ method: { type: "supervised" }, metadata: { team: "support" } },
  });
  assert.match(made.id, /^ftjob_/);
  assert.deepEqual([made.status, made.model, made.training_file], ["validating_files", "simulated-chat", file.id]);
  assert.deepEqual([made.metadata, made.seed], [{ team: "support" }, 7]);
  await look();
  const job = await client.fineTuning.jobs.retrieve(made.id);
  assert.deepEqual([job.status, job.error, job.validation_file], ["succeeded", null, validation.id]);
  assert.match(job.fine_tuned_model ?? "", /^ft:simulated-chat:simulated:mine:/);
  assert.ok((job.trained_tokens ?? 0) > 0);
  const [result = ""] = job.result_files;
  assert.match(await (await client.files.content(result)).text(), /^step,train_loss/);
  assert.deepEqual((await client.files.retrieve(result)).purpose, "fine-tune-results");

  const messages: string[] = [];
  for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 1 })) messages.push(event.message);
  assert.match(messages[0] ?? "", /completed/);
  assert.equal(messages.length, 3);
  const [checkpoint] = (await client.fineTuning.jobs.checkpoints.list(job.id)).data;
  assert.equal(checkpoint?.fine_tuning_job_id, job.id);
  assert.ok((await client.fineTuning.jobs.list({ limit: 1 })).data.some(({ id }) => id === job.id));
  assert.equal(
    await (await client.files.content(file.id)).text(),
    `${lines.join("\n")}\n`,
    "it lies at the account now",
  );
  const [row] = await sql`select count(*)::int as pieces from file_piece where file_id = ${file.id}`;
  assert.equal(row?.["pieces"], 0);

  const tuned = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey: "a-key" });
  const asked = { model: job.fine_tuned_model ?? "", messages: [{ role: "user" as const, content: "Hello" }] };
  assert.equal((await tuned.chat.completions.create(asked)).model, job.fine_tuned_model);
  assert.deepEqual(
    [await usageOf(tenantId), await moneyOf(tenantId)],
    [[], [1_000_000_000n, 0n]],
    "nothing is charged",
  );
});

test("a job that goes on is paused, goes on, and ends; one that has ended cannot be", async () => {
  const file = await upload([example("simulate.tuning_ms=3600000"), example("b")]);
  const { id } = await client.fineTuning.jobs.create({ model: "simulated-chat", training_file: file.id });
  assert.equal((await client.fineTuning.jobs.pause(id)).status, "paused");
  assert.equal((await client.fineTuning.jobs.resume(id)).status, "running");
  assert.equal((await client.fineTuning.jobs.cancel(id)).status, "cancelled");
  await assert.rejects(client.fineTuning.jobs.cancel(id), refusal(400, "invalid_status"));
});

test("jobs are made at accounts of the tenant's own alone, for models that the key may use; what is refused is not there", async () => {
  const file = await upload(lines);
  const asked = (name: string) => ({ model: name, training_file: file.id });
  await assert.rejects(
    client.fineTuning.jobs.create(asked("shared-chat")),
    refusal(400, "GATEWAY_128"),
    "the operator's account is never billed",
  );
  await assert.rejects(client.fineTuning.jobs.create(asked("nowhere")), refusal(404, "model_not_found"));
  await assert.rejects(
    clientOf(`${tenantId}/usr_1/other`).fineTuning.jobs.create(asked("simulated-chat")),
    refusal(404, "model_not_found"),
  );
  const few = await upload([example("only one")]);
  const one = { model: "simulated-chat", training_file: few.id };
  await assert.rejects(client.fineTuning.jobs.create(one), refusal(400, "GATEWAY_004"));
  assert.ok(
    (await client.fineTuning.jobs.list()).data.every((it) => it.training_file !== few.id),
    "there is none",
  );
  await client.fineTuning.jobs.create(asked("simulated-chat"));
  await assert.rejects(client.fineTuning.jobs.create(asked("far-chat")), refusal(409, "GATEWAY_129"));
});

test("jobs and their files are their owner's: for everybody else they do not exist", async () => {
  const file = await upload(lines);
  const { id } = await client.fineTuning.jobs.create({ model: "simulated-chat", training_file: file.id });
  for (const stranger of [clientOf(`${tenantId}/usr_2`), clientOf("ten_other/usr_1")]) {
    const { jobs } = stranger.fineTuning;
    for (const asking of [() => jobs.retrieve(id), () => jobs.cancel(id), () => jobs.checkpoints.list(id)]) {
      await assert.rejects(asking(), refusal(404, "GATEWAY_130"));
    }
    await assert.rejects(jobs.create({ model: "simulated-chat", training_file: file.id }), refusal(404, "GATEWAY_063"));
    assert.deepEqual((await jobs.list()).data, []);
  }
});

test("a job is made once for a key, and found again where its provider's answer was lost", async () => {
  const file = await upload(lines);
  const asked = { model: "simulated-chat", training_file: file.id };
  const keyed = { headers: { "idempotency-key": "tune-1" } };
  const [first, again] = [
    await client.fineTuning.jobs.create(asked, keyed),
    await client.fineTuning.jobs.create(asked, keyed),
  ];
  assert.equal(again.id, first.id);
  const other = { ...asked, suffix: "b" };
  await assert.rejects(
    client.fineTuning.jobs.create(other, keyed),
    (err) => err instanceof APIError && err.status === 422,
  );
  await sql`update fine_tuning_job set upstream_id = null, seen = null, polled_at = null, is_over = false
    where job_id = ${first.id}`;
  assert.equal((await client.fineTuning.jobs.retrieve(first.id)).status, "succeeded");
});

test("a file in which a line is no example is refused with its line; one of examples is no batch", async () => {
  for (const [wrong, message] of [
    [[lines[0] ?? "", "{"], /Line 2 .*JSON/],
    [["[]"], /Line 1 .*JSON/],
    [['{"text":"x"}'], /Line 1 .*messages/],
    [[""], /Line 1 .*no example/],
  ] as const) {
    await assert.rejects(upload(wrong), refusal(400, "GATEWAY_066", message));
  }
  const file = await upload(lines);
  const asked = { input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  await assert.rejects(client.batches.create(asked), refusal(400, "GATEWAY_002"));
});

test("a person's jobs are in their export, and gone with them", async () => {
  const person = { userId: "usr_1", tenantId } as never;
  const exported = await service.db.transaction((tx) => ops.exportPerson(tx, person));
  assert.ok(exported.fine_tuning_jobs.length > 0);
  await service.db.transaction((tx) => ops.forgetPerson(tx, person));
  assert.deepEqual((await client.fineTuning.jobs.list()).data, []);
  await ops.removeHiddenFiles(new AbortController().signal);
  const [left] = await sql`select count(*)::int as files from file where tenant_id = ${tenantId}`;
  assert.equal(left?.["files"], 0);
});
