import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import type { CallRequest } from "../call/read-request.ts";
import { toRequestHeaders } from "../call/send-upstream.ts";
import { findUpstreamRequestId } from "../call/upstream-request-id.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import type { Model } from "../model.ts";
import { askForSound } from "../providers/sounds/voice-golden.ts";
import { wires } from "../providers/wires.ts";
import { askWithForm } from "../surfaces/ask-for-media.ts";
import { readUsageOf } from "../surfaces/read-units.ts";
import { startSimulator } from "./simulator.ts";
import { createSound, soundTypes, spokenMs } from "./sound.ts";

// What a vendor of voices says must be what OpenAI's form says of the same request, once a wire of the gateway has read it.
const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
after(simulator.stop);

const vendors = ["openai", "elevenlabs", "deepgram"] as const;
type Dialect = (typeof vendors)[number];

function draftOf(dialect: Dialect, request: CallRequest) {
  const upstreamName = request.surface === "speech" ? "simulated-speech" : "simulated-transcription";
  const model = { name: "m", upstreamName, maxOutputTokens: 9 } as Model;
  const { endpoint, ...draft } = wires[dialect].draft(request, model, { baseUrl: simulator.url });
  return { ...draft, endpoint: `${dialect === "openai" ? "/v1" : ""}${endpoint}` };
}

function send(dialect: Dialect, request: CallRequest, secret = apiKey): Promise<Response> {
  const { endpoint, headers, toBody } = draftOf(dialect, request);
  return fetch(simulator.url + endpoint, {
    method: "POST",
    headers: { ...toRequestHeaders({ dialect }, secret, false), ...headers },
    body: new Uint8Array(toBody(undefined)),
  });
}

async function heardBy(dialect: Dialect, fields: Readonly<Record<string, string>>) {
  const form = new FormData();
  for (const [name, text] of Object.entries({ model: "m", ...fields })) form.append(name, text);
  form.append("file", new Blob([Uint8Array.from(createSound("wav", 2_500))]), "sound.wav");
  const written = new Response(form);
  const type = written.headers.get("content-type") ?? "";
  const call = askWithForm("transcriptions", Buffer.from(await written.arrayBuffer()), type, false);
  const { request } = call.readFor({ dialect: "openai" } as never, "simulated-transcription");
  const answer = await send(dialect, request);
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, bytes.toString());
  const { toAnswer } = draftOf(dialect, request);
  if (!toAnswer) return { text: bytes.toString(), seconds: undefined };
  const { body, json } = toAnswer(bytes, JSON.parse(bytes.toString()), {} as never);
  return { text: body.toString(), seconds: readUsageOf(request, json)?.otherBuckets?.seconds };
}

const speech = { input: "Good morning, 世界", voice: "thalia-en" };

for (const dialect of ["elevenlabs", "deepgram"] as const) {
  describe(`the simulated provider in the form of ${dialect}`, () => {
    test("speech is what OpenAI's form says in each format, and its head tells its characters", async () => {
      for (const format of Object.keys(soundTypes)) {
        const answer = await send(dialect, askForSound("speech", { ...speech, response_format: format }));
        const sound = Buffer.from(await answer.arrayBuffer());
        assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, soundTypes[format]]);
        assert.ok(sound.equals(createSound(format, spokenMs(speech.input))), format);
        const find = (name: string) => answer.headers.get(name) ?? undefined;
        const usage = wires[dialect].readHead?.({ find });
        assert.equal(usage?.otherBuckets?.characters, BigInt([...speech.input].length));
        assert.notEqual(findUpstreamRequestId({ find }), undefined);
      }
    });

    test("a transcript is what OpenAI's form says, in each format", async () => {
      for (const format of ["json", "text", "srt", "vtt", "verbose_json"]) {
        const expected = await heardBy("openai", { response_format: format });
        const { text, seconds } = await heardBy(dialect, { response_format: format });
        assert.equal(seconds, 3n);
        if (!format.endsWith("json")) {
          assert.equal(text, expected.text);
          continue;
        }
        const { usage, segments: _, ...said } = JSON.parse(text);
        const { usage: wanted, ...known } = JSON.parse(expected.text);
        assert.deepEqual([said, usage], [known, wanted]);
      }
    });

    test("W35: an error stands for what OpenAI's stands for, with its hint when to come back", async () => {
      for (const error of ["400", "401", "402", "403", "404", "429", "500", "502", "503", "504", "529"]) {
        const failureOf = async (at: Dialect) => {
          const input = `Hi simulate.error=${error} simulate.retry_after=7`;
          const answer = await send(at, askForSound("speech", { ...speech, input }));
          assert.deepEqual([String(answer.status), answer.headers.get("retry-after")], [error, "7"]);
          const body: unknown = await answer.json();
          return toUpstreamFailure({ model: "m", status: answer.status, body, retryAfterMs: 7_000 }).type.code;
        };
        assert.equal(await failureOf(dialect), await failureOf("openai"), error);
      }
    });

    test("a key is taken only where the vendor looks for it, and only the right one; a probe shows it", async () => {
      const { probe, toHeaders } = wires[dialect];
      for (const [secret, status] of [
        [apiKey, 200],
        ["another-key", 401],
        ["", 401],
      ] as const) {
        const answer = await send(dialect, askForSound("speech", speech), secret);
        await answer.arrayBuffer();
        const endpoint = probe?.toEndpoint("m", {}) ?? assert.fail("it is probed");
        const probed = await fetch(simulator.url + endpoint, { headers: toHeaders(secret) });
        await probed.arrayBuffer();
        assert.deepEqual([answer.status, probed.status], [status, status]);
      }
    });
  });
}

test("a voice that ElevenLabs does not have is a mistake of the caller's, and says nothing of the provider", async () => {
  const answer = await send("elevenlabs", askForSound("speech", { ...speech, voice: "unknown" }));
  const failure = toUpstreamFailure({
    ...{ model: "m", status: answer.status, body: await answer.json(), retryAfterMs: undefined },
  });
  assert.deepEqual([answer.status, failure.type.publicCode, failure.details["param"]], [404, "GATEWAY_004", "voice"]);
});
