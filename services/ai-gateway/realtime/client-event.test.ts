import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { type ClientSession, readClientEvent } from "./client-event.ts";

const provider = { providerId: "p", serverTools: false };
const target = { provider, model: { name: "voice", upstreamName: "gpt-realtime" } };
const writer = { provider, model: { name: "writer", upstreamName: "whisper-1" } };
const session = {
  catalog: { findOffer: (_: string, name: string) => (name === "writer" ? { targets: [writer] } : undefined) },
  caller: { tenantId: "t", models: [] },
  ...{ model: "voice", target },
} as unknown as ClientSession;

const read = (event: unknown) => readClientEvent(Buffer.from(JSON.stringify(event)), session);
const paramOf = (event: unknown) => {
  try {
    read(event);
  } catch (err) {
    return isFailure(err) ? err.details["param"] : err;
  }
  return undefined;
};

test("W50: nothing in a session's events changes what is paid for", () => {
  const update = (fields: object) => ({ type: "session.update", session: fields });
  assert.equal(paramOf(update({ model: "gpt-5" })), "session.model");
  assert.equal(paramOf({ type: "response.create", response: { model: "gpt-5" } }), "response.model");
  assert.equal(paramOf(update({ type: "transcription" })), "session.type");
  assert.equal(paramOf(update({ tools: [{ type: "function" }, { type: "mcp" }] })), "session.tools[1]");
  assert.equal(paramOf(update({ prompt: { id: "pmpt_1" } })), "session.prompt");
  assert.equal(paramOf({ type: "transcription_session.update" }), "type");
  const unknown = { audio: { input: { transcription: { model: "unknown" } } } };
  assert.equal(paramOf(update(unknown)), "session.audio.input.transcription.model");
  const former = { input_audio_transcription: { model: "unknown" } };
  assert.equal(paramOf(update(former)), "session.input_audio_transcription.model");
  // Of a field that stands twice each reader takes another one: what was checked is what goes on.
  const twice = Buffer.from('{"type":"session.update","session":{"model":"gpt-5","model":"voice"}}');
  assert.equal(
    readClientEvent(twice, session).rewritten,
    '{"type":"session.update","session":{"model":"gpt-realtime"}}',
  );
});

test("a transcription is paid for as the model that makes it", () => {
  const wanted = { audio: { input: { transcription: { model: "writer", language: "de" } } } };
  const { transcriber, rewritten = "" } = read({ type: "session.update", session: wanted });
  assert.equal(transcriber, writer);
  const { transcription } = JSON.parse(rewritten).session.audio.input;
  assert.deepEqual(transcription, { model: "whisper-1", language: "de" });
  const none = { audio: { input: { transcription: null } } };
  assert.equal(read({ type: "session.update", session: none }).transcriber, undefined);
  assert.equal(read({ type: "session.update", session: {} }).transcriber, null);
});

test("sounds count by their length, images by the piece, everything else by its bytes", () => {
  const audio = Buffer.alloc(300).toString("base64");
  const { soundBytes, otherBytes, rewritten } = read({ type: "input_audio_buffer.append", audio });
  assert.deepEqual([soundBytes, otherBytes, rewritten], [300, 0, undefined]);
  const content = [
    { type: "input_image", image_url: "data:image/png;base64,AAAA" },
    { type: "input_audio", audio },
  ];
  const event = { type: "conversation.item.create", item: { type: "message", role: "user", content } };
  const measured = read(event);
  assert.deepEqual([measured.soundBytes, measured.images], [300, 1]);
  assert.equal(measured.otherBytes, JSON.stringify(event).length - 400 - 26);
  assert.throws(() => readClientEvent(Buffer.from("{"), session), isFailure);
  assert.throws(() => readClientEvent(Buffer.from("[]"), session), isFailure);
});
