import assert from "node:assert/strict";
import { test } from "node:test";
import { readRequest, toUpstreamBody } from "../call/read-request.ts";
import { listFinished, textOf } from "../dialects/openai/delivered-text.ts";
import { findFields } from "../dialects/openai/json-fields.ts";
import { createSseReader, type SseEvent, toEvent } from "../dialects/openai/sse.ts";
import { findInBandFailure } from "../dialects/openai/upstream-failure.ts";
import { fieldOf, readServiceMode, readUsage } from "../dialects/openai/usage.ts";
import { drawFrom } from "../dialects/random-chat.ts";
import { createDeliveredText } from "./delivered-text.ts";
import { patchBody, writePatched } from "./patch-body.ts";
import { mutate, pick, randomAnswer, randomRequest, randomStream } from "./random-bodies.ts";
import { scanAnswer } from "./scan-answer.ts";
import type { EventFacts } from "./scan-event.ts";
import { type FieldRanges, scanRequest } from "./scan-request.ts";
import { createStreamScanner } from "./scan-stream.ts";

const rounds = process.env["SCENARIO_FULL"] === "1" ? 1_000_000 : 7_000;
/** `SCAN_SEED=requests-17` repeats what failed as that, and nothing else. */
const onlySeed = process.env["SCAN_SEED"];
/** By their places in ranges; `readRequest` says nothing of where those without a name stand. */
const rangeNames = [
  ...["model", "stream", "stream_options", "max_completion_tokens", "max_tokens", "n", "best_of"],
  ...[undefined, undefined, undefined, undefined, "tools"],
];

type Draw = ReturnType<typeof drawFrom>;

/** Checks so many bodies, a third of them as people send them, and gives the share of those that were unusual. */
function fuzz(name: string, check: (draw: Draw, isOdd: boolean, isMutated: boolean) => boolean): number {
  let realistic = 0;
  let unusual = 0;
  for (let round = 0; round < rounds; round++) {
    const seed = `${name}-${round}`;
    if (onlySeed !== undefined && onlySeed !== seed) continue;
    const [isOdd, isMutated] = [round % 3 > 0, round % 3 === 2];
    try {
      const isUsual = check(drawFrom(seed), isOdd && round % 2 === 0, isMutated);
      if (!isOdd) {
        realistic++;
        if (!isUsual) unusual++;
      }
    } catch (cause) {
      throw new Error(`SCAN_SEED=${seed}: ${String(cause)}`, { cause });
    }
  }
  return realistic === 0 ? 0 : unusual / realistic;
}

/** A body somewhere in a larger buffer, as it comes from a socket: words of four bytes begin anywhere in it. */
function toBytes(draw: Draw, text: string, isMutated: boolean): Buffer {
  const bytes = isMutated ? mutate(draw, Buffer.from(text)) : Buffer.from(text);
  const at = draw(9);
  const around = Buffer.alloc(bytes.length + at + draw(9), '"\\{');
  bytes.copy(around, at);
  return around.subarray(at, at + bytes.length);
}

test("a request that is scanned says what readRequest says, and is sent as toUpstreamBody sends it", () => {
  const unusual = fuzz("requests", (draw, isOdd, isMutated) => {
    const body = toBytes(draw, randomRequest(draw, isOdd), isMutated);
    const scanned = scanRequest(body);
    if (!scanned) return false;
    const request = readRequest("chat", body);
    const messages = request.json["messages"] as readonly unknown[];
    const { model, isStream, wantsUsage, outputLimit, choices, answers } = request;
    const { ranges, mayHoldMedia, ...facts } = scanned;
    const serviceMode = readServiceMode(request.json);
    const expected = { model, isStream, wantsUsage, outputLimit, choices, answers, serviceMode };
    assert.deepEqual(facts, { body, messages: messages.length, ...expected });
    assert.ok(mayHoldMedia || !messages.some(holdsList));
    assert.deepEqual(toRanges(ranges), request.fields);
    for (const upstreamModel of [model, pick(draw, ["o3", "模型-1", "gpt-4o"])]) {
      const outputTokens = pick(draw, [undefined, draw(5_000)]);
      const patch = patchBody(scanned, upstreamModel, outputTokens);
      const sent = Buffer.alloc(patch?.bytes ?? 0);
      if (patch) assert.equal(writePatched(patch, sent, 0), patch.bytes);
      // Without an own limit to replace, one that money sets is written in by both.
      assert.equal((patch ? sent : body).compare(toUpstreamBody(request, upstreamModel, outputTokens)), 0);
    }
    return true;
  });
  assert.ok(unusual < 0.02, `${unusual} of the realistic requests are unusual`);
});

test("an answer that is scanned says what the parser's readers say", () => {
  const unusual = fuzz("answers", (draw, isOdd, isMutated) => {
    const body = toBytes(draw, randomAnswer(draw, isOdd), isMutated);
    const scanned = scanAnswer(body);
    if (!scanned) return false;
    const json: unknown = JSON.parse(body.toString("utf8"));
    assert.equal(findInBandFailure("m", json), undefined);
    assert.deepEqual(scanned.usage, readUsage(json));
    assert.equal(scanned.serviceMode, readServiceMode(json));
    assert.deepEqual(modelRange(scanned.modelStart, scanned.modelEnd), findFields(body, new Set(["model"])));
    return true;
  });
  assert.ok(unusual < 0.02, `${unusual} of the realistic answers are unusual`);
});

test("a stream is cut into the same events wherever its bytes break, and each says what the parser's readers say", () => {
  const unusual = fuzz("streams", (draw, isOdd, isMutated) => {
    const stream = toBytes(draw, randomStream(draw, isOdd), isMutated);
    const scanner = createStreamScanner(100_000);
    const reader = createSseReader(100_000);
    const delivered = createDeliveredText(64);
    let [text, kept, others] = ["", "", 0];
    const expected: SseEvent[] = [];
    const compare = (kind: string) => {
      const raw = scanner.bytes.subarray(scanner.start, scanner.end);
      const event = expected.shift();
      assert.deepEqual(toEvent(raw), event);
      if (kind === "done") assert.equal(event?.data, "[DONE]");
      if (kind === "other") others++;
      if (kind !== "chunk") return;
      const json: unknown = JSON.parse(event?.data ?? "");
      compareFacts(scanner.facts, raw, scanner.start, json);
      text += textOf(json);
      delivered.add(scanner.bytes, scanner.facts);
      if (delivered.isFull) kept += delivered.take();
    };
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + draw(pick(draw, [3, 300, 2_000]));
      // As from a socket whose buffer is used again: what is not copied in time is lost.
      const chunk = Buffer.from(stream.subarray(at, end));
      expected.push(...reader.push(Buffer.from(chunk)));
      scanner.push(chunk);
      for (let kind = scanner.next(); kind !== "more"; kind = scanner.next()) compare(kind);
      chunk.fill("{");
      at = end;
    }
    const last = reader.flush();
    if (last) expected.push(last);
    const kind = scanner.flush();
    if (kind !== "more") compare(kind);
    assert.deepEqual(expected, []);
    assert.equal(kept + delivered.take(), text);
    return others === 0;
  });
  assert.ok(unusual < 0.02, `${unusual} of the realistic streams have unusual events`);
});

function compareFacts(facts: EventFacts, raw: Buffer, start: number, json: unknown): void {
  assert.equal(findInBandFailure("m", json), undefined);
  assert.deepEqual(facts.usage, readUsage(json));
  assert.equal(facts.serviceMode, readServiceMode(json));
  const finished = new Set(listFinished(json));
  assert.equal(
    facts.finished,
    [...finished].reduce((bits, index) => bits | (1 << index), 0),
  );
  const choices = fieldOf(json, "choices");
  const isUsageOnly = Array.isArray(choices) && choices.length === 0 && Boolean(fieldOf(json, "usage"));
  assert.equal(facts.isUsageOnly, isUsageOnly);
  const hasNoUsage = fieldOf(json, "usage") === null;
  assert.equal(facts.noUsageEnd !== 0, hasNoUsage);
  if (hasNoUsage) {
    const text = raw.toString("latin1");
    const left = text.slice(0, facts.noUsageStart - start) + text.slice(facts.noUsageEnd - start);
    const { usage: _, ...rest } = Object(json);
    assert.deepEqual(JSON.parse(Buffer.from(left.slice("data:".length), "latin1").toString()), rest);
  }
  const model =
    facts.modelEnd === 0 ? undefined : raw.toString("utf8", facts.modelStart - start, facts.modelEnd - start);
  assert.deepEqual(model === undefined ? undefined : JSON.parse(model), fieldOf(json, "model"));
}

function holdsList(message: unknown): boolean {
  return (
    typeof message === "object" &&
    message !== null &&
    !Array.isArray(message) &&
    Object.values(message).some(Array.isArray)
  );
}

function toRanges(ranges: FieldRanges): Map<string, object> {
  return new Map(
    rangeNames.flatMap((name, index) =>
      name === undefined ? [] : [...modelRange(ranges[2 * index], ranges[2 * index + 1], name)],
    ),
  );
}

function modelRange(valueStart = 0, valueEnd = 0, name = "model"): Map<string, object> {
  return valueEnd === 0 ? new Map() : new Map([[name, { valueStart, valueEnd }]]);
}
