import assert from "node:assert/strict";
import { after, test } from "node:test";
import { assertIntegrity } from "@lyss/services/billing/assert-integrity.ts";
import type OpenAI from "openai";
import { APIError, toFile } from "openai";
import { lostAnswers, refusal, startBatchWorld } from "./batch-world.ts";

const world = await startBatchWorld({ after });
const { service, billing, moneyOf, usageOf } = world;
const rich = 100_000_000_000n;

async function startTenant(amountNanos = rich) {
  // 0.10 USD a second, 0.50 in the large size.
  const prices = [
    { provider: "simulated", model: "simulated-video", terms: { rates: { seconds: 100_000_000_000_000n } } },
    { provider: "simulated", model: "simulated-video#1792x1024", terms: { rates: { seconds: 500_000_000_000_000n } } },
  ];
  const tenantId = await world.createTenant(amountNanos, prices);
  return { tenantId, client: world.clientOf(`${tenantId}/usr_1`) };
}

/** A look is a second old at most, so the clock of looks is turned back. */
async function look(client: OpenAI, id: string) {
  await service.sql`update video set polled_at = null, claimed_until = null where video_id = ${id}`;
  return client.videos.retrieve(id);
}

const png = Buffer.from("\x89PNG\r\n\x1a\nand so on", "latin1");
const now = "simulate.video_ms=0";
const asked = { model: "simulated-video", prompt: `A cat. ${now}` } as const;

test("W51: the official SDK has a video made: its seconds are set aside, and charged once at the price of its size", async () => {
  const { tenantId, client } = await startTenant();
  const made = await client.videos.create({
    ...{ ...asked, seconds: "8", size: "1792x1024" },
    input_reference: await toFile(png, "cat.png"),
  });
  assert.deepEqual(
    [made.object, made.status, made.progress, made.seconds, made.size, made.model],
    ["video", "queued", 0, "8", "1792x1024", "simulated-video"],
  );
  assert.deepEqual(await moneyOf(tenantId), [rich, 4_000_000_000n]);
  const done = await look(client, made.id);
  assert.deepEqual([done.status, done.progress, done.error], ["completed", 100, null]);
  assert.equal(done.expires_at, (done.completed_at ?? 0) + 86_400);
  assert.deepEqual(await moneyOf(tenantId), [rich - 4_000_000_000n, 0n]);
  await look(client, made.id);
  const named = { gen_ai_operation_name: "video_generation", gen_ai_request_model: "simulated-video", error_type: "" };
  assert.equal(
    await world.counted("gen_ai_client_operation_duration_seconds_count", named),
    1,
    "however often it is seen",
  );
  const [usage, ...more] = await usageOf(tenantId);
  assert.deepEqual([usage?.outcome, usage?.costNanos, more], ["completed", 4_000_000_000n, []]);

  const content = await client.videos.downloadContent(made.id);
  const bytes = Buffer.from(await content.arrayBuffer());
  assert.deepEqual([content.headers.get("content-type"), bytes.toString("latin1", 4, 8)], ["video/mp4", "ftyp"]);

  const wrong = { variant: "sound" } as unknown as { variant: "video" };
  await assert.rejects(client.videos.downloadContent(made.id, wrong), refusal(400, "GATEWAY_002"));

  const usual = await client.videos.create(asked);
  assert.deepEqual([usual.seconds, usual.size], ["4", "720x1280"]);
  await service.ops.advanceVideos(AbortSignal.timeout(10_000));
  assert.deepEqual(await moneyOf(tenantId), [rich - 4_400_000_000n, 0n], "charged whether or not anybody asks");

  const page = await client.videos.list({ limit: 1 });
  assert.deepEqual([page.data.map(({ id }) => id), page.hasNextPage()], [[usual.id], true]);
  const next = await page.getNextPage();
  assert.deepEqual([next.data.map(({ id }) => id), next.hasNextPage()], [[made.id], false]);
  const upwards = await client.videos.list({ order: "asc" });
  assert.deepEqual(
    upwards.data.map(({ id }) => id),
    [made.id, usual.id],
  );
  assert.deepEqual(await client.videos.delete(made.id), { id: made.id, object: "video.deleted", deleted: true });
  await assert.rejects(client.videos.retrieve(made.id), refusal(404, "GATEWAY_086"));
  await assertIntegrity(billing as never);
});

test("W51: a video under way shows its progress, and can be neither loaded nor removed; one that fails costs nothing", async () => {
  const { tenantId, client } = await startTenant();
  const slow = await client.videos.create({ ...asked, prompt: "Slow. simulate.video_ms=3600000" });
  assert.equal((await look(client, slow.id)).status, "in_progress");
  await assert.rejects(client.videos.downloadContent(slow.id), refusal(409, "GATEWAY_089"));
  await assert.rejects(client.videos.delete(slow.id), refusal(409, "GATEWAY_089"));
  const failing = await client.videos.create({ ...asked, prompt: `No. ${now} simulate.video_end=failed` });
  const failed = await look(client, failing.id);
  assert.deepEqual([failed.status, failed.error?.code], ["failed", "moderation_blocked"]);
  assert.doesNotMatch(failed.error?.message ?? "", /Simulated/, "no sentence of a provider");
  assert.deepEqual(await moneyOf(tenantId), [rich, 400_000_000n], "only the slow one's money is set aside");
});

test("W51, B33: a node that dies between any two steps charges a video once, or not at all, and leaves no money behind", async () => {
  for (const step of ["postFacts", "closeLeases"]) {
    const { tenantId, client } = await startTenant();
    const { id } = await client.videos.create(asked);
    lostAnswers.add(step);
    assert.notEqual((await look(client, id)).status, "completed", step);
    assert.equal((await look(client, id)).status, "completed");
    assert.deepEqual(await moneyOf(tenantId), [rich - 400_000_000n, 0n]);
    assert.equal((await usageOf(tenantId)).length, 1);
  }
  const { tenantId, client } = await startTenant();
  lostAnswers.add("grantLease");
  await assert.rejects(client.videos.create(asked));
  await assert.rejects(client.videos.create({ ...asked, prompt: "simulate.error=503" }));
  await assert.rejects(client.videos.create({ ...asked, prompt: "simulate.error=400" }), refusal(400, "GATEWAY_004"));
  assert.deepEqual([await moneyOf(tenantId), (await client.videos.list()).data], [[rich, 0n], []]);

  const { id } = await client.videos.create(asked);
  await service.sql`update video set upstream_id = null where video_id = ${id}`;
  const unbegun = await look(client, id);
  assert.deepEqual([unbegun.status, unbegun.error?.code], ["failed", "video_not_begun"]);
  assert.deepEqual(await moneyOf(tenantId), [rich, 0n]);
  await assertIntegrity(billing as never);
});

test("W51: without money, a price or a right there is no video; what is wrong is named", async () => {
  const { tenantId, client } = await startTenant(399_999_999n);
  await assert.rejects(client.videos.create(asked), refusal(402, "BILLING_001"));
  assert.deepEqual(await moneyOf(tenantId), [399_999_999n, 0n]);
  const barred = world.clientOf(`${tenantId}/usr_1/simulated-small`);
  await assert.rejects(barred.videos.create(asked), refusal(404, "model_not_found"));
  await assert.rejects(client.videos.create({ ...asked, model: "simulated-chat" }), refusal(403, "GATEWAY_088"));
  const refused = async (more: object, param: string) =>
    assert.rejects(client.videos.create({ ...asked, ...more }), (err: unknown) => {
      assert.ok(err instanceof APIError);
      assert.deepEqual([err.status, err.param], [400, param], err.message);
      return true;
    });
  await refused({ seconds: "0" }, "seconds");
  await refused({ size: "large" }, "size");
  await refused({ prompt: " " }, "prompt");
  await refused({ quality: "hd" }, "quality");
  await refused({ input_reference: await toFile(Buffer.from("no picture"), "a.png") }, "input_reference");
  const body = { ...asked, input_reference: { image_url: `data:image/png;base64,${png.toString("base64")}` } };
  await assert.rejects(client.post("/videos", { body }), refusal(402, "BILLING_001"));
  assert.deepEqual((await client.videos.list()).data, []);
});

test("W51: who repeats the creation of a video with its idempotency key gets the same video, and who asks otherwise with it is refused", async () => {
  const { tenantId, client } = await startTenant();
  const keyed = { headers: { "idempotency-key": "film-1" } };
  const create = async (more: object = {}) =>
    client.videos.create({ ...asked, input_reference: await toFile(png, "cat.png"), ...more }, keyed);
  const many = await Promise.allSettled(Array.from({ length: 5 }, () => create()));
  const ids = many.flatMap((one) => (one.status === "fulfilled" ? [one.value.id] : []));
  for (const one of many) if (one.status === "rejected") refusal(409, "KIT_016")(one.reason);
  const again = await create();
  assert.deepEqual([...new Set(ids)], [again.id]);
  assert.deepEqual(await moneyOf(tenantId), [rich, 400_000_000n], "one video's money");
  for (const other of [{ seconds: "5" }, { input_reference: await toFile(Buffer.concat([png, png]), "cat.png") }]) {
    await assert.rejects(create(other), (err) => err instanceof APIError && err.status === 422);
  }
  await look(client, again.id);
  assert.equal((await create()).status, "completed");
  assert.equal((await usageOf(tenantId)).length, 1);
});

test("W51: what is limited for a model holds for its videos, too", async () => {
  const { tenantId, client } = await startTenant();
  const limit = {
    provider: "simulated",
    model: "simulated-video",
    per: "tenant",
    costWindowMs: 86_400_000,
    expectedVersion: undefined,
  } as const;
  await service.ops.putModelLimit({ ...limit, name: "films", requestsPerMinute: 2 });
  await assert.rejects(client.videos.create({ ...asked, prompt: "simulate.error=400" }));
  await client.videos.create(asked);
  await client.videos.create(asked);
  await assert.rejects(client.videos.create(asked), refusal(429, "rate_limit_exceeded"));
  await service.ops.putModelLimit({ ...limit, name: "films", costUsd: "0.5" });
  const dear = await client.videos.create({ ...asked, seconds: "8" });
  await assert.rejects(client.videos.create(asked), refusal(429, "rate_limit_exceeded"));
  await service.ops.removeModelLimit("films");
  await look(client, dear.id);
  assert.equal((await moneyOf(tenantId))[1], 800_000_000n);
});

test("W51: a video is its owner's: for everybody else it does not exist; who is gone leaves none", async () => {
  const { tenantId, client } = await startTenant();
  const { id } = await client.videos.create(asked);
  assert.equal((await look(client, id)).status, "completed");
  for (const stranger of [world.clientOf("ten_other/usr_1"), world.clientOf(`${tenantId}/usr_2`)]) {
    await assert.rejects(stranger.videos.retrieve(id), refusal(404, "GATEWAY_086"));
    await assert.rejects(stranger.videos.downloadContent(id), refusal(404, "GATEWAY_086"));
    await assert.rejects(stranger.videos.delete(id), refusal(404, "GATEWAY_086"));
    assert.deepEqual((await stranger.videos.list()).data, []);
  }
  assert.equal((await client.videos.retrieve(id)).status, "completed");
  await service.sql.begin((tx) => service.ops.forgetPerson(tx as never, { tenantId, userId: "usr_1" } as never));
  await assert.rejects(client.videos.retrieve(id), refusal(404, "GATEWAY_086"));
  await service.ops.advanceVideos(AbortSignal.timeout(10_000));
  assert.deepEqual([...(await service.sql`select 1 from video where video_id = ${id}`)], []);
});
