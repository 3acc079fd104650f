import { readRequest } from "@lyss/services/ai-gateway/call/read-request.ts";
import { listFinished, textOf } from "@lyss/services/ai-gateway/dialects/openai/delivered-text.ts";
import { createSseReader } from "@lyss/services/ai-gateway/dialects/openai/sse.ts";
import { findInBandFailure } from "@lyss/services/ai-gateway/dialects/openai/upstream-failure.ts";
import { readServiceMode, readUsage } from "@lyss/services/ai-gateway/dialects/openai/usage.ts";
import { createDeliveredText } from "@lyss/services/ai-gateway/scan/delivered-text.ts";
import { scanAnswer } from "@lyss/services/ai-gateway/scan/scan-answer.ts";
import { scanRequest } from "@lyss/services/ai-gateway/scan/scan-request.ts";
import { createStreamScanner } from "@lyss/services/ai-gateway/scan/scan-stream.ts";
import type { Contestant } from "../kit/contest.ts";

const maxEventBytes = 4_194_304;
const maxKeptBytes = 16_384;
const model = "gpt-4o-mini-2024-07-18";
const sentence = 'The "quick" brown fox jumps over the lazy dog, and 天气 is fine.\n';

/** A conversation of about so many bytes. */
export function requestOf(bytes: number): Buffer {
  const messages = Array.from({ length: 4 }, (_, index) => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content: sentence.repeat(Math.max(1, Math.round(bytes / 4 / 85))),
  }));
  return Buffer.from(
    JSON.stringify({ model: "gpt-4o-mini", messages, temperature: 0.7, max_tokens: 256, user: "u-123" }),
  );
}

/** What is read of a request: by the parser alone, on the ordinary way, and from the bytes. */
export function createRequestContestants(body: Buffer): readonly Contestant[] {
  return [
    inTurn("JSON.parse, the floor of the ordinary way", () => JSON.parse(body.toString("utf8")).model),
    inTurn("readRequest", () => readRequest("chat", body).model),
    inTurn("scanRequest", () => scanRequest(body)?.model),
  ];
}

/** What is read of a whole answer of some 700 bytes. */
export function createAnswerContestants(): readonly Contestant[] {
  const body = answerOf();
  return [
    inTurn("JSON.parse, the floor of the ordinary way", () => JSON.parse(body.toString("utf8")).model),
    inTurn("JSON.parse, findInBandFailure, readUsage, readServiceMode, textOf", () => {
      const json: unknown = JSON.parse(body.toString("utf8"));
      return [findInBandFailure("m", json), textOf(json), readServiceMode(json), readUsage(json)].at(-1);
    }),
    inTurn("scanAnswer", () => scanAnswer(body)?.usage),
  ];
}

/** What is read of the events of a stream, one in each chunk or ten. */
export function createStreamContestants(eventsPerChunk: number): readonly Contestant[] {
  const chunks = chunksOf(eventsPerChunk);
  const payload = chunks[0]?.toString("utf8", "data: ".length).split("\n")[0] ?? "";
  return [
    perEvent("JSON.parse of the event's data, the floor of the ordinary way", eventsPerChunk, () => {
      for (let i = 0; i < eventsPerChunk; i++) JSON.parse(payload);
    }),
    createOrdinary(chunks, eventsPerChunk),
    createScanning("scanStream, every event like the one before", chunks, eventsPerChunk),
    createScanning("scanStream, no event like the one before", unlike(chunks), eventsPerChunk),
  ];
}

function createOrdinary(chunks: readonly Buffer[], eventsPerChunk: number): Contestant {
  const reader = createSseReader(maxEventBytes);
  let turn = 0;
  let text = "";
  return perEvent("createSseReader, JSON.parse and all readers", eventsPerChunk, () => {
    for (const { data = "" } of reader.push(chunks[turn++ % chunks.length] ?? Buffer.alloc(0))) {
      const json: unknown = JSON.parse(data);
      findInBandFailure("m", json);
      readUsage(json);
      readServiceMode(json);
      listFinished(json);
      text += textOf(json);
    }
    if (text.length > maxKeptBytes) text = "";
  });
}

function createScanning(name: string, chunks: readonly Buffer[], eventsPerChunk: number): Contestant {
  const scanner = createStreamScanner(maxEventBytes);
  const delivered = createDeliveredText(maxKeptBytes);
  let turn = 0;
  return perEvent(name, eventsPerChunk, () => {
    scanner.push(chunks[turn++ % chunks.length] ?? Buffer.alloc(0));
    for (let kind = scanner.next(); kind !== "more"; kind = scanner.next()) {
      if (kind !== "chunk") throw new Error(`${name}: an event was ${kind}`);
      delivered.add(scanner.bytes, scanner.facts);
    }
    if (delivered.isFull) delivered.take();
  });
}

function answerOf(): Buffer {
  const details = { cached_tokens: 0, audio_tokens: 0 };
  const content = sentence.repeat(2);
  return Buffer.from(
    JSON.stringify({
      ...{ id: "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012", object: "chat.completion", created: 1_760_000_000, model },
      choices: [
        { index: 0, message: { role: "assistant", content, refusal: null }, logprobs: null, finish_reason: "stop" },
      ],
      usage: {
        ...{ prompt_tokens: 211, completion_tokens: 42, total_tokens: 253, prompt_tokens_details: details },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0 },
      },
      ...{ service_tier: "default", system_fingerprint: "fp_0123456789" },
    }),
  );
}

function chunksOf(eventsPerChunk: number): readonly Buffer[] {
  const words = ["Hello", " there", ",", " the", " 天", '"', " brown\n", " fox", " jumps", " over"];
  return Array.from({ length: 16 }, (_, turn) =>
    Buffer.from(
      Array.from({ length: eventsPerChunk }, (_, i) => eventOf(words[(turn + i) % words.length] ?? "")).join(""),
    ),
  );
}

function eventOf(content: string): string {
  const choices = [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }];
  const chunk = {
    ...{ id: "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012", object: "chat.completion.chunk", created: 1_760_000_000, model },
    ...{ service_tier: "default", system_fingerprint: "fp_0123456789", choices, usage: null },
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** The same, but for a number that is another one in each event. */
function unlike(chunks: readonly Buffer[]): readonly Buffer[] {
  let at = 0;
  return chunks.map((chunk) =>
    Buffer.from(chunk.toString("utf8").replaceAll("1760000000", () => `176000${1_000 + at++}`)),
  );
}

function perEvent(name: string, eventsPerChunk: number, run: () => void): Contestant {
  return {
    name,
    run(count) {
      for (let i = 0; i < count; i += eventsPerChunk) run();
    },
  };
}

function inTurn(name: string, once: () => unknown): Contestant {
  return {
    name,
    run(count) {
      let found: unknown;
      for (let i = 0; i < count; i++) found = once();
      if (found === undefined) throw new Error(`${name} found nothing`);
    },
  };
}
