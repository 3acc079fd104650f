import assert from "node:assert/strict";
import { once } from "node:events";
import { countSimulatedTokens } from "@lyss/services/ai-gateway/simulator/tokenizer.ts";
import OpenAI from "openai";
import { OpenAIRealtimeError } from "openai/realtime/index";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { asked, type Client, type Place } from "./client.ts";

type Session = OpenAIRealtimeWS;
type Done = Extract<RealtimeServerEvent, { type: "response.done" }>;

/** Runs `work` in a session of the SDK, and closes it. The SDK speaks through TLS alone. */
async function inSession(place: Place, work: (rt: Session) => Promise<void>, apiKey = place.apiKey): Promise<void> {
  const client = new OpenAI({ baseURL: `${place.secureUrl}/v1`, apiKey, maxRetries: 0 });
  const options = { rejectUnauthorized: false };
  const rt = new OpenAIRealtimeWS({ model: place.voiceModel ?? "", options }, client);
  const closed = once(rt.socket, "close");
  try {
    await rt.emitted("session.created");
    await work(rt);
  } finally {
    rt.close();
    await closed;
  }
}

/** Whatever comes next of that type; what goes wrong meanwhile is thrown. */
function next<Type extends "session.updated" | "response.done" | "response.output_audio.delta">(
  rt: Session,
  type: Type,
) {
  const failed = new Promise<never>((_, reject) => rt.once("error", reject));
  failed.catch(() => undefined);
  return Promise.race([rt.emitted(type), failed]);
}

async function setUp(rt: Session, modality: "text" | "audio"): Promise<void> {
  rt.send({ type: "session.update", session: { type: "realtime", output_modalities: [modality] } });
  await next(rt, "session.updated");
}

function say(rt: Session, text: string): void {
  const content = [{ type: "input_text" as const, text }];
  rt.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  rt.send({ type: "response.create" });
}

async function answered(rt: Session, text: string) {
  let streamed = "";
  const add = ({ delta }: { delta: string }) => {
    streamed += delta;
  };
  rt.on("response.output_text.delta", add);
  say(rt, text);
  const { response } = (await next(rt, "response.done")) as Done;
  rt.off("response.output_text.delta", add);
  return { response, streamed };
}

/** `OpenAIRealtimeWS` of the SDK. What it is answered is always streamed. */
export const openAiRealtime: Client = {
  name: "realtime, WebSocket",
  package: "openai",
  features: {
    stream: (place) =>
      inSession(place, async (rt) => {
        await setUp(rt, "text");
        const { response, streamed } = await answered(rt, asked.text);
        assert.equal(response.status, "completed");
        assert.match(streamed, /^This is a simulated answer/);
      }),
    usage: (place) =>
      inSession(place, async (rt) => {
        await setUp(rt, "text");
        const { usage } = (await answered(rt, asked.text)).response;
        assert.deepEqual([usage?.input_tokens, usage?.output_tokens], [countSimulatedTokens(asked.text), 12]);
      }),
    voice: (place) =>
      inSession(place, async (rt) => {
        await setUp(rt, "audio");
        let sound = 0;
        rt.on("response.output_audio.delta", ({ delta }) => {
          sound += Buffer.byteLength(delta, "base64");
        });
        rt.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(48_000, 1).toString("base64") });
        rt.send({ type: "input_audio_buffer.commit" });
        rt.send({ type: "response.create" });
        const { response } = (await next(rt, "response.done")) as Done;
        assert.equal(response.usage?.input_token_details?.audio_tokens, 10);
        assert.ok(sound > 0);
      }),
    error: (place) =>
      inSession(place, async (rt) => {
        await setUp(rt, "text");
        const failed = new Promise<unknown>((resolve) => rt.once("error", resolve));
        say(rt, asked.refused);
        const err = await failed;
        assert.ok(err instanceof OpenAIRealtimeError && err.error?.type === "invalid_request_error");
      }),
    abort: (place) =>
      inSession(place, async (rt) => {
        await setUp(rt, "text");
        say(rt, asked.endless);
        await rt.emitted("response.output_text.delta");
        rt.socket.terminate();
        await place.untilLeft();
      }),
    async secret(place) {
      const client = new OpenAI({ baseURL: `${place.url}/v1`, apiKey: place.apiKey, maxRetries: 0 });
      const session = {
        type: "realtime" as const,
        model: place.voiceModel ?? "",
        output_modalities: ["text" as const],
      };
      const { value } = await client.realtime.clientSecrets.create({ session });
      const talk = async (rt: Session) => assert.match((await answered(rt, asked.text)).streamed, /simulated answer/);
      await inSession(place, talk, value);
    },
  },
};
