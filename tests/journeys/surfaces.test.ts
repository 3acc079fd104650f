import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { waitFor } from "@lyss/kit/testing/wait-until.ts";
import { createSound, spokenMs } from "@lyss/services/ai-gateway/simulator/sound.ts";
import OpenAI, { BadRequestError, toFile } from "openai";
import { assertMoneyAddsUp, balanceOf, listUsage, type UsageRow, waitForNoHold } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const png = Buffer.from("89504e470d0a1a0a", "hex");
/** A vendor that has no answer for anything; below `/by-image` one that makes images, and does not say what they used. */
const broken = createServer(async (req, res) => {
  const body = Buffer.concat(await Array.fromAsync(req)).toString();
  const makes = req.url?.startsWith("/by-image");
  const data = makes && Array.from({ length: JSON.parse(body).n ?? 1 }, () => ({ b64_json: png.toString("base64") }));
  res.writeHead(makes ? 200 : 500, { "content-type": "application/json" });
  res.end(JSON.stringify(makes ? { created: 1, data } : {}));
});
broken.listen(0, "127.0.0.1");
await once(broken, "listening");
after(() => broken.close());
const baseUrl = `http://127.0.0.1:${(broken.address() as AddressInfo).port}/v1`;
const surfaceModels = ["moderation", "rerank", "speech", "transcription", "image"].map((name) => `simulated-${name}`);
const models = surfaceModels.map((name) => ({ name, inputUsdPerMillion: "1", outputUsdPerMillion: "1" }));
const routes = surfaceModels.map((model) => ({
  name: `routed-${model}`,
  strategy: "fallback",
  targets: [
    { provider: "broken", model },
    { provider: "simulated", model },
  ],
}));
/** The price list of DALL·E, as OpenAI has it (platform.openai.com/docs/pricing, image generation, read in 2026-11). */
const dalle3 = {
  ...{ name: "dall-e-3", inputUsdPerMillion: "0" },
  imagePrices: [
    { quality: "standard", size: "1024x1024", usd: "0.04" },
    { quality: "standard", size: "1024x1792", usd: "0.08" },
    { quality: "hd", size: "1024x1024", usd: "0.08" },
    { quality: "hd", size: "1024x1792", usd: "0.12" },
  ],
};
const dalle2 = {
  ...{ name: "dall-e-2", inputUsdPerMillion: "0" },
  imagePrices: [
    { size: "256x256", usd: "0.016" },
    { size: "512x512", usd: "0.018" },
    { size: "1024x1024", usd: "0.02" },
  ],
};
const byImage = { name: "by-image", baseUrl: baseUrl.replace("/v1", "/by-image/v1"), models: [dalle2, dalle3] };
const providers = [{ name: "broken", baseUrl, models }, byImage];
const platform = await runPlatform({ after }, { config: { providers, routes } });
const start = await balanceOf(platform);
const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });

const seen = new Set<string>();

/** What a call costs that goes on at the simulated provider, by its usage. */
async function costOf(call: () => Promise<Response>, read?: (answer: Response) => Promise<void>): Promise<bigint> {
  const answer = await call();
  await (read ? read(answer) : answer.arrayBuffer());
  assert.equal(answer.headers.get("lyss-provider"), "simulated");
  const row = await findUsage(answer.headers.get("lyss-call-id"));
  // A provider that failed often is not asked again for a while.
  if (!seen.has(row.model)) assert.equal(answer.headers.get("lyss-attempts"), "2");
  seen.add(row.model);
  return BigInt(row.cost_nanos);
}

/** Usage is posted a moment after the answer. */
function findUsage(callId: string | null): Promise<UsageRow> {
  const find = async () => (await listUsage(platform)).find(({ id, status }) => id === callId && status !== "failed");
  return waitFor(find, { withinMs: 30_000, what: `${callId} is recorded` });
}

test("W31: a moderation costs its tokens, and goes on at another provider before its answer has begun", async () => {
  const cost = await costOf(() =>
    client.moderations.create({ model: "routed-simulated-moderation", input: "one two three" }).asResponse(),
  );
  // Three tokens at 0.01 USD per million.
  assert.equal(cost, 30n);
});

test("W31: a rerank costs its searches, to the nano", async () => {
  const documents = Array.from({ length: 101 }, (_, n) => `document ${n}`);
  const body = { model: "routed-simulated-rerank", query: "document 7", documents };
  const cost = await costOf(() => client.post("/rerank", { body }).asResponse());
  // Two searches at 2 USD per thousand.
  assert.equal(cost, 4_000_000n);
});

const speech = { model: "routed-simulated-speech", input: "Good morning, 世界", voice: "alloy" } as const;
const spokenCost = BigInt([...speech.input].length) * 15_000n;

test("W49: speech comes in the type of its format as the provider sends it, and costs its characters", async () => {
  const types = { mp3: "audio/mpeg", wav: "audio/wav", pcm: "audio/pcm" } as const;
  for (const format of ["mp3", "wav", "pcm"] as const) {
    const cost = await costOf(
      () => client.audio.speech.create({ ...speech, response_format: format }).asResponse(),
      async (answer) => {
        assert.equal(answer.headers.get("content-type"), types[format]);
        const sound = Buffer.from(await answer.arrayBuffer());
        assert.ok(sound.equals(createSound(format, spokenMs(speech.input))), format);
      },
    );
    assert.equal(cost, spokenCost);
  }
  await assert.rejects(client.audio.speech.create({ ...speech, response_format: "opus" }), BadRequestError);
  await assert.rejects(client.audio.speech.create({ ...speech, input: "" }), BadRequestError);
});

test("W49: speech comes as events where they are asked for, the last with what it cost", async () => {
  const cost = await costOf(
    () => client.audio.speech.create({ ...speech, stream_format: "sse" }).asResponse(),
    async (answer) => {
      assert.match(answer.headers.get("content-type") ?? "", /^text\/event-stream/);
      const events = (await answer.text()).split("\n\n").filter((event) => event !== "");
      const json = events.map((event) => JSON.parse(event.replace("data: ", "")) as { type: string; audio?: string });
      const sound = Buffer.concat(json.map(({ audio = "" }) => Buffer.from(audio, "base64")));
      assert.ok(sound.equals(createSound("mp3", spokenMs(speech.input))));
      assert.equal(json.at(-1)?.type, "speech.audio.done");
    },
  );
  assert.equal(cost, spokenCost);
});

test("a sound or a stream that breaks off is no whole answer, and costs nothing", async () => {
  const input = "one two three simulate.cut_after_tokens=2";
  const sound = await client.audio.speech.create({ ...speech, input });
  await assert.rejects(sound.arrayBuffer());
  const events = await client.audio.speech.create({ ...speech, input, stream_format: "sse" });
  const text = await events.text();
  assert.match(text, /"error":\{"message"/);
  assert.doesNotMatch(text, /speech\.audio\.done/);
  for (const answer of [sound, events]) {
    const { status, cost_nanos } = await findUsage(answer.headers.get("lyss-call-id"));
    assert.deepEqual([status, cost_nanos], ["truncated", "0"]);
  }
});

const wave = createSound("wav", 2_500);
const said = "This is a simulated transcript of 3 seconds of sound.";
const heard = (fields: object) =>
  toFile(wave, "sound; of.wav", { type: "audio/wav" }).then((file) =>
    client.audio.transcriptions
      .create({ ...fields, file, model: "routed-simulated-transcription" } as never)
      .asResponse(),
  );

test("W48: a transcript comes in the form that was asked for, and costs its seconds in each", async () => {
  const forms: Readonly<Record<string, (text: string) => void>> = {
    json: (text) => assert.equal(JSON.parse(text).text, said),
    verbose_json: (text) => assert.equal(JSON.parse(text).duration, 3),
    text: (text) => assert.equal(text, `${said}\n`),
    srt: (text) => assert.match(text, /^1\n00:00:00,000 --> 00:00:03,000\n/),
    vtt: (text) => assert.match(text, /^WEBVTT\n/),
  };
  for (const [format, check] of Object.entries(forms)) {
    const cost = await costOf(
      () => heard({ response_format: format, timestamp_granularities: ["word", "segment"] }),
      async (answer) => {
        assert.match(answer.headers.get("content-type") ?? "", format.endsWith("json") ? /json/ : /^text\/plain/);
        check(await answer.text());
      },
    );
    assert.equal(cost, 300_000n, format);
  }
  const file = await toFile(wave, "a.wav");
  const translated = await client.audio.translations.create({ file, model: "simulated-transcription" });
  assert.equal(translated.text, said);
});

test("W48: a transcript streams, and its model may stand behind the file", async () => {
  const form = new FormData();
  form.append("stream", "true");
  form.append("file", new Blob([Uint8Array.from(wave)]), "a.wav");
  form.append("model", "routed-simulated-transcription");
  const cost = await costOf(
    () =>
      fetch(`${platform.url}/v1/audio/transcriptions`, {
        method: "POST",
        headers: { authorization: `Bearer ${platform.apiKey}` },
        body: form,
      }),
    async (answer) => {
      const events = (await answer.text()).split("\n\n").filter((event) => event !== "");
      const json = events.map((event) => JSON.parse(event.replace("data: ", "")) as { delta?: string; text?: string });
      assert.equal(json.map(({ delta = "" }) => delta).join(""), said);
      assert.equal(json.at(-1)?.text, said);
    },
  );
  assert.equal(cost, 300_000n);
});

const isPicture = (base64 = "") => Buffer.from(base64, "base64").subarray(0, 8).equals(png);

test("W31: images are made and edited, and cost their tokens", async () => {
  const asked = { model: "routed-simulated-image", prompt: "a cat", size: "1024x1024" } as const;
  const made = await costOf(
    () => client.images.generate({ ...asked, n: 2 }).asResponse(),
    async (answer) => {
      const { data } = (await answer.json()) as { data: { b64_json: string }[] };
      assert.deepEqual(
        data.map((one) => isPicture(one.b64_json)),
        [true, true],
      );
    },
  );
  // Two tokens of text at 5 USD per million, and those of two images at 40.
  assert.equal(made, 2n * 5_000n + 2n * 1_056n * 40_000n);

  const image = [await toFile(png, "a.png"), await toFile(png, "b.png")];
  const edited = await costOf(
    () => client.images.edit({ ...asked, image, stream: true, partial_images: 1 }).asResponse(),
    async (answer) => {
      const events = (await answer.text()).split("\n\n").filter((event) => event !== "");
      const json = events.map((event) => JSON.parse(event.replace("data: ", "")) as { type: string; b64_json: string });
      assert.deepEqual(
        json.map(({ type }) => type),
        ["image_edit.partial_image", "image_edit.completed"],
      );
      assert.ok(json.every((event) => isPicture(event.b64_json)));
    },
  );
  assert.equal(edited, 2n * 5_000n + 2n * 323n * 10_000n + 1_056n * 40_000n);

  const varied = await client.images.createVariation({ image: await toFile(png, "a.png"), model: "simulated-image" });
  assert.equal(varied.data?.length, 1);
  await assert.rejects(client.images.generate({ ...asked, n: 2, stream: true }), BadRequestError);
});

test("W31: images cost what their size and quality cost, to the nano; what has no price is refused before anything is asked", async () => {
  for (const [asked, usd] of [
    [{ model: "dall-e-3" }, 0.04],
    [{ model: "dall-e-3", quality: "standard", size: "1024x1792" }, 0.08],
    [{ model: "dall-e-3", quality: "hd" }, 0.08],
    [{ model: "dall-e-3", quality: "hd", size: "1024x1792", n: 3 }, 0.36],
    [{ model: "dall-e-2", size: "256x256", n: 10 }, 0.16],
    [{ model: "dall-e-2", size: "512x512" }, 0.018],
    [{ model: "dall-e-2", quality: "any" }, 0.02],
  ] as const) {
    const answer = await requestJson(`${platform.url}/v1/images/generations`, platform.apiKey, {
      body: { prompt: "a cat", ...asked },
    });
    const row = await findUsage(answer.headers.get("lyss-call-id"));
    assert.deepEqual([row.cost_nanos, row.model], [String(Math.round(usd * 1e9)), asked.model], JSON.stringify(asked));
  }
  for (const [fields, code, param] of [
    [{ size: "1792x1024" }, "GATEWAY_085", undefined],
    [{ size: "auto" }, "GATEWAY_085", undefined],
    [{ quality: "high" }, "GATEWAY_085", undefined],
    [{ size: 7 }, "GATEWAY_002", "size"],
  ] as const) {
    const { status, body } = await requestJson(`${platform.url}/v1/images/generations`, platform.apiKey, {
      body: { model: "dall-e-3", prompt: "a cat", ...fields },
    });
    const { error } = body as { error: { code: string; param: string | null; message: string } };
    assert.equal(error.code, code, JSON.stringify(body));
    if (param) assert.deepEqual([status, error.param], [400, param]);
    else assert.ok(status === 403 && error.message.includes(String(Object.values(fields)[0])), error.message);
  }
});

test("W48: a repeat with its key is the first answer, though the client draws another boundary", async () => {
  const keyed = async (sound: Buffer) => {
    const file = await toFile(sound, "a.wav");
    const body = { file, model: "simulated-transcription", response_format: "srt" } as const;
    const options = { headers: { "Idempotency-Key": "media-1" } };
    const answer = await client.audio.transcriptions.create(body, options).asResponse();
    return { headers: answer.headers, text: await answer.text() };
  };
  const [first, second] = [await keyed(wave), await keyed(wave)];
  assert.equal(second.headers.get("idempotent-replayed"), "true");
  assert.equal(second.headers.get("content-type"), first.headers.get("content-type"));
  assert.equal(second.text, first.text);
  await assert.rejects(keyed(createSound("wav", 5_000)), /422/);
});

/** The answer to a request of that length, of whose body nothing is sent. */
async function announce(path: string, headers: Record<string, string>): Promise<{ status: number; body: unknown }> {
  const sent = request(platform.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json", ...headers },
  });
  sent.flushHeaders();
  sent.on("error", () => undefined);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  const body = JSON.parse(Buffer.concat(await answer.toArray()).toString("utf8"));
  sent.destroy();
  return { status: answer.statusCode ?? 0, body };
}

test("W54: a body without a length is taken; a compressed one is read; one that is too long or compressed in another way is refused in its caller's dialect", async () => {
  const tooLong = { "content-length": "33554433" };
  const compressed = { "content-length": "10", "content-encoding": "br" };
  for (const [headers, status] of [
    [tooLong, 413],
    [compressed, 415],
  ] as const) {
    const [openAi, anthropic, google] = await Promise.all(
      ["/v1/audio/transcriptions", "/v1/messages", "/v1beta/models/m:generateContent"].map((path) =>
        announce(path, headers),
      ),
    );
    assert.deepEqual([openAi?.status, anthropic?.status, google?.status], [status, status, status]);
    assert.equal(Object(openAi?.body).error.type, "invalid_request_error");
    assert.equal(Object(anthropic?.body).type, "error");
    assert.equal(Object(google?.body).error.code, status);
  }
  const text = JSON.stringify({ model: "simulated-moderation", input: "one two" });
  const pieces = new ReadableStream({
    start(controller) {
      for (const piece of text) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });
  const chunked = await fetch(`${platform.url}/v1/moderations`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
    body: pieces,
    duplex: "half",
  });
  assert.equal(chunked.status, 200);
  await chunked.arrayBuffer();
  for (const [encoding, compress] of Object.entries({ gzip: gzipSync, zstd: zstdCompressSync })) {
    const answer = await fetch(`${platform.url}/v1/messages`, {
      method: "POST",
      headers: { "x-api-key": platform.apiKey, "content-type": "application/json", "content-encoding": encoding },
      body: new Uint8Array(
        compress(
          JSON.stringify({ model: "simulated-chat", max_tokens: 5, messages: [{ role: "user", content: "hi" }] }),
        ),
      ),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
});

test("what all of it cost is gone from the wallet, to the nano", async () => {
  await waitForNoHold(platform);
  const costs = (await listUsage(platform)).map((row) => BigInt(row.cost_nanos));
  const { available } = await balanceOf(platform);
  assert.equal(available + costs.reduce((sum, cost) => sum + cost, 0n), start.available);
  await assertMoneyAddsUp(platform);
});
