import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { createSound, spokenMs } from "@lyss/services/ai-gateway/simulator/sound.ts";
import OpenAI, { toFile } from "openai";
import { assertMoneyAddsUp, balanceOf, listUsage, type UsageRow, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

// Vendors of voices, whose wires are their own, answer OpenAI's SDK as OpenAI does.

const scope = closeInReverse({ after });
const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
scope.after(simulator.stop);

const vendors = ["elevenlabs", "deepgram"] as const;
/** Stands before ElevenLabs, with a key that is refused there. */
const refused = { name: "refused", dialect: "elevenlabs", baseUrl: simulator.url, apiKey: "another-key" };
const providers = [
  { ...refused, models: [{ name: "elevenlabs-hears", upstreamName: "simulated-transcription" }] },
  ...vendors.map((name) => ({
    ...{ name, dialect: name, baseUrl: simulator.url, apiKey },
    models: [
      { name: `${name}-speaks`, upstreamName: "simulated-speech" },
      { name: `${name}-hears`, upstreamName: "simulated-transcription" },
    ],
  })),
];
const nanosPerCharacter = 15_000n;
const nanosPerSecond = 100_000n;

let platform: RunningPlatform;
let client: OpenAI;
let start: bigint;
before(async () => {
  platform = await runPlatform(scope, {
    config: { providers, aiGateway: { simulator: false }, log: { level: "error" } },
  });
  client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
  const prices = providers.flatMap(({ name: provider, models }) =>
    models.map(({ name: model }) => {
      const unit = model.endsWith("speaks")
        ? { characters: String(nanosPerCharacter * 1_000_000n) }
        : { seconds: String(nanosPerSecond * 1_000_000n) };
      return { provider, model, terms: { rates: { input: "0", output: "0", ...unit } } };
    }),
  );
  const put = await requestJson(`${platform.url}/admin/billing/prices`, platform.apiKey, {
    method: "PUT",
    body: { prices },
  });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  const names = new Set(prices.map(({ model }) => model));
  await waitUntil(async () => {
    const offered = (await client.models.list()).data.map(({ id }) => id);
    return [...names].every((name) => offered.includes(name));
  });
  start = (await balanceOf(platform)).available;
});

/** Usage is posted a moment after the answer. */
async function usageOf(answer: Response): Promise<UsageRow> {
  const callId = answer.headers.get("lyss-call-id");
  let found: UsageRow | undefined;
  await waitUntil(async () => {
    found = (await listUsage(platform)).find(({ id, status }) => id === callId && status !== "failed");
    return found !== undefined;
  });
  return found ?? assert.fail("it is recorded");
}

const speech = { input: "Good morning, 世界", voice: "thalia-en" } as const;
const wave = createSound("wav", 2_500);
const said = "This is a simulated transcript of 3 seconds of sound.";

for (const vendor of vendors) {
  test(`${vendor}: OpenAI's SDK has a text spoken in each format, which costs the characters that are counted there`, async () => {
    const types = { mp3: "audio/mpeg", wav: "audio/wav", pcm: "audio/pcm" } as const;
    for (const format of ["mp3", "wav", "pcm"] as const) {
      const asked = { ...speech, model: `${vendor}-speaks`, response_format: format };
      const answer = await client.audio.speech.create(asked);
      assert.equal(answer.headers.get("content-type"), types[format]);
      assert.equal(answer.headers.get("lyss-provider"), vendor);
      const sound = Buffer.from(await answer.arrayBuffer());
      assert.ok(sound.equals(createSound(format, spokenMs(speech.input))), format);
      const { cost_nanos } = await usageOf(answer);
      assert.equal(BigInt(cost_nanos), BigInt([...speech.input].length) * nanosPerCharacter);
    }
  });

  test(`${vendor}: OpenAI's SDK has a sound written down in each form, which costs its seconds`, async () => {
    const hear = async <const F extends "json" | "text" | "srt" | "vtt" | "verbose_json">(response_format: F) => {
      const file = await toFile(wave, "a; sound.wav", { type: "audio/wav" });
      const asked = { model: `${vendor}-hears`, file, response_format, timestamp_granularities: ["word", "segment"] };
      const { data, response } = await client.audio.transcriptions.create(asked as never).withResponse();
      assert.equal(response.headers.get("lyss-provider"), vendor);
      assert.equal(BigInt((await usageOf(response)).cost_nanos), 3n * nanosPerSecond, response_format);
      return data as unknown;
    };
    assert.deepEqual(await hear("json"), { text: said, usage: { type: "duration", seconds: 3 } });
    assert.equal(await hear("text"), `${said}\n`);
    assert.equal(await hear("srt"), `1\n00:00:00,000 --> 00:00:03,000\n${said}\n\n`);
    assert.equal(await hear("vtt"), `WEBVTT\n\n00:00:00.000 --> 00:00:03.000\n${said}\n\n`);
    const verbose = (await hear("verbose_json")) as OpenAI.Audio.TranscriptionVerbose;
    assert.deepEqual([verbose.text, verbose.language, verbose.duration], [said, "english", 3]);
    assert.deepEqual(
      verbose.segments?.map(({ id, text }) => [id, text]),
      [[0, said]],
    );
    assert.equal(verbose.words?.map(({ word }) => word).join(" "), said);
  });
}

test("a key that is refused sends the call on, and is tried last from then on", async () => {
  await waitUntil(async () => {
    const path = `${platform.url}/admin/events?type=provider.account.changed&limit=100`;
    const { data } = (await requestJson(path, platform.apiKey)).body as { data: { data: Record<string, unknown> }[] };
    return data.some((event) => event.data["name"] === "refused" && event.data["state"] === "parked");
  });
  const file = await toFile(wave, "sound.wav");
  const answer = await client.audio.transcriptions.create({ model: "elevenlabs-hears", file }).asResponse();
  await answer.arrayBuffer();
  const served = ["lyss-provider", "lyss-attempts"].map((name) => answer.headers.get(name));
  assert.deepEqual(served, ["elevenlabs", "1"]);
});

for (const vendor of vendors) {
  test(`${vendor}: what it has not is refused by name, and what its API says goes to the caller in OpenAI's form`, async () => {
    const messages = [{ role: "user" as const, content: "Hi" }];
    const file = await toFile(wave, "sound.wav");
    const model = `${vendor}-hears`;
    for (const [ask, param] of [
      [() => client.chat.completions.create({ model, messages }), "model"],
      [() => client.audio.translations.create({ model, file }), "model"],
      [() => client.audio.transcriptions.create({ model, file, stream: true }), "stream"],
      [() => client.audio.transcriptions.create({ model, file, prompt: "Lyss" }), "prompt"],
      [
        () => client.audio.speech.create({ ...speech, model: `${vendor}-speaks`, stream_format: "sse" }),
        "stream_format",
      ],
      [() => client.audio.speech.create({ ...speech, model: `${vendor}-speaks`, voice: "unknown" }), "voice"],
    ] as const) {
      await assert.rejects(ask(), { status: 400, param });
    }
    const input = "Hi simulate.error=429 simulate.retry_after=7";
    await assert.rejects(client.audio.speech.create({ ...speech, input, model: `${vendor}-speaks` }), (err) => {
      assert.ok(err instanceof OpenAI.RateLimitError);
      assert.equal(err.headers.get("retry-after"), "7");
      return true;
    });
    const broken = await client.audio.speech.create({
      ...{ ...speech, model: `${vendor}-speaks`, input: "one two three simulate.cut_after_tokens=1" },
    });
    await assert.rejects(broken.arrayBuffer());
    const { status, cost_nanos } = await usageOf(broken);
    assert.deepEqual([status, cost_nanos], ["truncated", "0"]);
  });
}

test("what all of it cost is gone from the wallet, to the nano", async () => {
  await waitForNoHold(platform);
  const costs = (await listUsage(platform)).map((row) => BigInt(row.cost_nanos));
  const { available } = await balanceOf(platform);
  assert.equal(available + costs.reduce((sum, cost) => sum + cost, 0n), start);
  await assertMoneyAddsUp(platform);
});
