import assert from "node:assert/strict";
import { test } from "node:test";
import { SseEventTooLarge } from "../dialects/openai/sse.ts";
import { createDeliveredText } from "./delivered-text.ts";
import { createStreamScanner, type StreamScanner } from "./scan-stream.ts";

const chunkOf = (content: string, more = "") =>
  `{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}},"finish_reason":null}]${more}}`;
const event = (data: string) => `data: ${data}\n\n`;

/** What of each event is shown, and the text of those that are chunks. */
function readAll(scanner: StreamScanner, bytes: Buffer): string[] {
  const found: string[] = [];
  scanner.push(bytes);
  for (let kind = scanner.next(); kind !== "more"; kind = scanner.next()) {
    const { textStart, textEnd } = scanner.facts;
    found.push(kind === "chunk" ? scanner.bytes.toString("utf8", textStart, textEnd) : kind);
  }
  return found;
}

test("W5: events are the same wherever the bytes are cut in two", () => {
  const stream = Buffer.from(
    `${event(chunkOf("a"))}${event(chunkOf('b"c'))}: ping\r\n\r\n${event(chunkOf("天")).replaceAll("\n", "\r\n")}data: 1\r\r${event("[DONE]")}`,
  );
  for (let at = 0; at <= stream.length; at++) {
    const scanner = createStreamScanner(1_000);
    const found = [...readAll(scanner, stream.subarray(0, at)), ...readAll(scanner, stream.subarray(at))];
    assert.deepEqual(found, ["a", 'b\\"c', "other", "天", "other", "done"], `cut at ${at}`);
    assert.equal(scanner.flush(), "more");
  }
});

test("an event like the one before but for one byte is read anew", () => {
  const first = event(chunkOf("a", ',"usage":null'));
  const bytes = Buffer.from(event(chunkOf("b", ',"usage":null')));
  for (let at = 0; at < bytes.length; at++) {
    for (const byte of [0x22, 0x7d, 0x0a, 0x5c]) {
      const changed = Buffer.from(bytes);
      changed[at] = byte;
      // What a scanner that has nothing to compare with says of the same bytes.
      const fresh = createStreamScanner(1_000);
      const scanner = createStreamScanner(1_000);
      assert.deepEqual(readAll(scanner, Buffer.from(first)), ["a"]);
      assert.deepEqual(readAll(scanner, changed), readAll(fresh, changed), `byte ${byte} at ${at}`);
    }
  }
});

test("an error, a second text and a choice that ends never hide behind an event like them", () => {
  const scanner = createStreamScanner(10_000);
  assert.deepEqual(readAll(scanner, Buffer.from(event(chunkOf("a", ',"error":null')))), ["a"]);
  assert.deepEqual(readAll(scanner, Buffer.from(event(chunkOf("a", ',"error":{"code":429}')))), ["other"]);
  const both = '{"choices":[{"delta":{"content":"a","reasoning":"b"}}]}';
  assert.deepEqual(readAll(scanner, Buffer.from(event(both))), ["other"]);
  readAll(scanner, Buffer.from(event(chunkOf("a").replace("null", '"stop"').replace('"index":0', '"index":2'))));
  assert.equal(scanner.facts.finished, 0b100);
});

test("W8: a choice that failed is never a clean chunk", () => {
  const failed = (more: string) => `{"choices":[{"index":0,"delta":{"content":"a"}${more}}]}`;
  const scanner = createStreamScanner(10_000);
  for (const more of [',"finish_reason":"error"', ',"finish_reason":null,"error":{"code":502}'])
    assert.deepEqual(readAll(scanner, Buffer.from(event(failed(more)))), ["other"], more);
  assert.deepEqual(readAll(scanner, Buffer.from(event(failed(',"finish_reason":"stop"')))), ["a"]);
});

test("where the model stands is told of each event, before its text or behind it, and nothing where it has none", () => {
  const choices = (content: string) => `"choices":[{"index":0,"delta":{"content":"${content}"}}]`;
  const shapes: readonly ((content: string) => string)[] = [
    (content) => `{"model":"m",${choices(content)}}`,
    (content) => `{${choices(content)},"model":"m"}`,
    (content) => `{"obfuscation":"${content}",${choices(content)},"model":"m"}`,
    (content) => `{${choices(content)}}`,
  ];
  for (const shape of shapes) {
    const scanner = createStreamScanner(10_000);
    scanner.push(Buffer.from(["a", "bcd", ""].map((content) => event(shape(content))).join("")));
    const expected = shape("").includes("model") ? '"m"' : "";
    for (let i = 0; i < 3; i++) {
      assert.equal(scanner.next(), "chunk");
      const { modelStart, modelEnd } = scanner.facts;
      assert.equal(scanner.bytes.toString("utf8", modelStart, modelEnd), expected);
      assert.equal(modelEnd === 0, expected === "");
    }
  }
});

test("W1: a chunk that is there for its usage alone is told from one that has usage", () => {
  const scanner = createStreamScanner(10_000);
  const usage = '"usage":{"prompt_tokens":7,"completion_tokens":3}';
  readAll(scanner, Buffer.from(event(`{"choices":[],${usage}}`)));
  assert.equal(scanner.facts.isUsageOnly, true);
  assert.deepEqual(scanner.facts.usage, { inputTokens: 7n, cachedInputTokens: 0n, outputTokens: 3n });
  readAll(scanner, Buffer.from(event(chunkOf("a", `,${usage}`))));
  assert.equal(scanner.facts.isUsageOnly, false);
});

test("W1: where a usage of null stands is told, with the comma that goes with it, of an event like the one before too", () => {
  const choices = (content: string) => `"choices":[{"index":0,"delta":{"content":"${content}"}}]`;
  const shapes: readonly ((content: string) => string)[] = [
    (content) => `{"model":"m",${choices(content)},"usage":null}`,
    (content) => `{"model":"m",${choices(content)} , "usage" : null }`,
    (content) => `{"usage": null, "model":"m",${choices(content)}}`,
    (content) => `{${choices(content)},"usage":null,"obfuscation":"${content}"}`,
    (content) => `{"obfuscation":"${content}","usage":null,${choices(content)}}`,
  ];
  for (const shape of shapes) {
    const scanner = createStreamScanner(10_000);
    scanner.push(Buffer.from(["a", "bcd", ""].map((content) => event(shape(content))).join("")));
    for (const content of ["a", "bcd", ""]) {
      assert.equal(scanner.next(), "chunk");
      const { bytes, start, end, facts } = scanner;
      const left = bytes.toString("utf8", start, facts.noUsageStart) + bytes.toString("utf8", facts.noUsageEnd, end);
      const { usage: _, ...rest } = JSON.parse(shape(content));
      assert.deepEqual(JSON.parse(left.replace("data:", "")), rest);
    }
  }
});

test("an event without end is cut off at the limit, and one that is long but whole is not", () => {
  const scanner = createStreamScanner(1_000);
  assert.deepEqual(readAll(scanner, Buffer.from(event(chunkOf("a".repeat(2_000))))), ["a".repeat(2_000)]);
  assert.throws(() => {
    for (let i = 0; i < 11; i++) readAll(scanner, Buffer.alloc(100, "x"));
  }, SseEventTooLarge);
});

test("a stream that ends without its blank line gives its last event all the same", () => {
  const scanner = createStreamScanner(1_000);
  assert.deepEqual(readAll(scanner, Buffer.from("data: [DONE]")), []);
  assert.equal(scanner.flush(), "done");
  assert.equal(scanner.bytes.toString("utf8", scanner.start, scanner.end), "data: [DONE]\n\n");
  assert.equal(scanner.flush(), "more");
});

test("text is kept as it came, up to its bound, and read when it is taken", () => {
  const scanner = createStreamScanner(10_000);
  const delivered = createDeliveredText(16);
  // Half of a surrogate pair in each, and half of a character's bytes in each, which never make one character.
  const halves = Buffer.from(event(chunkOf("天")));
  const cut = halves.indexOf("天") + 2;
  const texts = [
    Buffer.from(
      event(chunkOf("a\n")) + event(chunkOf("X").replace("X", "\\ud83d")) + event(chunkOf("X").replace("X", "\\ude42")),
    ),
    Buffer.concat([halves.subarray(0, cut), halves.subarray(cut + 1)]),
  ];
  for (const bytes of texts) {
    scanner.push(bytes);
    while (scanner.next() === "chunk") delivered.add(scanner.bytes, scanner.facts);
  }
  delivered.addText('"说\ud83d');
  assert.equal(delivered.isFull, true);
  assert.equal(delivered.take(), 'a\n🙂\ufffd"说\ud83d');
  assert.equal(delivered.isFull, false);
  assert.equal(delivered.take(), "");
});
