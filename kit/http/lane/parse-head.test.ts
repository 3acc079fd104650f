import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { withSeed } from "../../testing/chaos/chaos-seed.ts";
import { createSeeded } from "../../testing/seeded-random.ts";
import { createHeadTable } from "./head-table.ts";
import { hotTargets, wanted } from "./lane-test-server.ts";
import { drawHotRequest, mutateRequest } from "./mutate-request.ts";
import { createHeadParser, type HotHead } from "./parse-head.ts";

const limits = { maxHeadBytes: 2_000, maxHeaders: 20, maxBodyBytes: 1_000_000 };
const table = createHeadTable({ targets: hotTargets, wantedHeaders: wanted, heldBackHeaders: ["idempotency-key"] });
const parseBytes = createHeadParser(table, limits);
const parse = (text: string) => {
  const bytes = Buffer.from(text, "latin1");
  return parseBytes(bytes, 0, bytes.length);
};

const line = "POST /v1/chat/completions HTTP/1.1\r\n";
const getLine = "GET /v1/models HTTP/1.1\r\n";
const host = "Host: lyss\r\n";
const length = "Content-Length: 5\r\n";

/** The wanted headers' values, read where the head says they stand. */
function valuesOf(bytes: Buffer, { values }: HotHead): readonly (string | undefined)[] {
  return wanted.map((_, index) => {
    const start = values[index * 2] ?? -1;
    return start < 0 ? undefined : bytes.toString("latin1", start, values[index * 2 + 1]);
  });
}

test("a hot head gives its target, where its body begins and ends, and where the wanted values stand", () => {
  const bytes = Buffer.from(
    `GARBAGE${line}${host}X-API-KEY:   a b \r\nX-Other:\r\n${length}authorization:\r\n\r\nhello`,
  );
  const head = parseBytes(bytes, 7, bytes.length);
  assert.ok(typeof head === "object");
  assert.deepEqual([head.targetIndex, head.endOffset, head.bodyBytes], [0, bytes.length - 5, 5]);
  assert.deepEqual(valuesOf(bytes, head), ["", "a b", undefined, undefined]);
});

test("a GET is hot without a length, and what follows its head is the next request's", () => {
  const head = parse(`${getLine}${host}Authorization: Bearer a\r\n\r\n${getLine}`);
  assert.ok(typeof head === "object");
  assert.deepEqual([head.targetIndex, head.bodyBytes], [hotTargets.indexOf("GET /v1/models"), 0]);
});

test("a name is known by its whole, in whatever case, and no other name is taken for it", () => {
  for (const name of ["content-length", "CONTENT-LENGTH", "cOnTeNt-LeNgTh"]) {
    assert.ok(typeof parse(`${line}${host}${name}: 5\r\n\r\n`) === "object", name);
  }
  for (const name of ["content_length", "content-lengtH2", "ontent-length", "content\x0dlength", "content-leng\x54"]) {
    assert.ok(typeof parse(`${line}${host}${name}: 5\r\n\r\n`) === "string", name);
  }
});

test("numbers: plain digits up to the limit, nothing else", () => {
  const verdict = (digits: string) => parse(`${line}${host}Content-Length: ${digits}\r\n\r\n`);
  for (const digits of ["0", "1", "999", "1000000"]) {
    const head = verdict(digits);
    assert.equal(typeof head === "object" && head.bodyBytes, Number(digits));
  }
  for (const digits of [
    "",
    "00",
    "01",
    "+1",
    "-1",
    "1,1",
    "1 1",
    "0x1",
    "1e3",
    "1.0",
    "12345678901",
    "1a",
    "a1",
    "/",
    ":",
  ]) {
    assert.equal(verdict(digits), "length", digits);
  }
  for (const digits of ["1000001", "9999999999"]) assert.equal(verdict(digits), "too_large", digits);
});

test("a head at its limits is hot, one beyond them is not, finished or not", () => {
  const filled = (headBytes: number) => {
    const rest = `${line}${host}${length}X: \r\n\r\n`.length;
    return `${line}${host}${length}X: ${"x".repeat(headBytes - rest)}\r\n\r\n`;
  };
  assert.equal(typeof parse(filled(limits.maxHeadBytes)), "object");
  assert.equal(parse(filled(limits.maxHeadBytes + 1)), "too_large");
  assert.equal(parse(`${line}X: ${"x".repeat(limits.maxHeadBytes)}`), "too_large");
  const counted = (count: number) => `${line}${host}${length}${"X: x\r\n".repeat(count - 2)}\r\n`;
  assert.equal(typeof parse(counted(limits.maxHeaders)), "object");
  assert.equal(parse(counted(limits.maxHeaders + 1)), "too_many_headers");
});

test("each part of a hot head may become one, and a part that cannot is refused as soon as it shows", () => {
  const text = `${line}${host}Connection: Keep-Alive\r\nAuthorization: Bearer a\r\n${length}\r\n`;
  for (let end = 0; end < text.length; end++) assert.equal(parse(text.slice(0, end)), "more", String(end));
  assert.equal(typeof parse(text), "object");
  for (const [part, refusal] of [
    ["D", "target"],
    ["GET /v1/modelsx", "target"],
    ["POST /v1/chat/completions?", "target"],
    ["POST /v1/chat/completions HTTP/1.1\n", "target"],
    [`${line} `, "syntax"],
    [`${line}X `, "syntax"],
    [`${line}X: \t`, "syntax"],
    [`${line}X: a\n`, "syntax"],
    [`${line}X: a\rb`, "syntax"],
    [`${line}\n`, "syntax"],
    [`${line}\rX`, "syntax"],
    [`${line}Host: a/b\r\n`, "host"],
    [`${line}Transfer-Encoding: chunked\r\n`, "held_back"],
    [`${line}Idempotency-Key: k\r\n`, "held_back"],
    [`${line}Connection: close\r\n`, "connection"],
    [`${line}${host}host: lyss\r\n`, "twice"],
    [`${line}${length}\r\n`, "host"],
    [`${line}${host}\r\n`, "length"],
    [`${getLine}${host}${length}\r\n`, "length"],
    [`${getLine}${host}Content-Length: 0\r\n\r\n`, "length"],
    [`${getLine}\r\n`, "host"],
  ] as const) {
    assert.equal(parse(part), refusal, JSON.stringify(part));
  }
});

/** What node:http makes of the bytes: its first request, whole, or undefined when it refuses them. */
function readByNode(bytes: Buffer): Promise<{ readonly req: IncomingMessage; readonly body: string } | undefined> {
  return new Promise((resolve) => {
    const server = createServer((req) => {
      const chunks: Buffer[] = [];
      req.on("data", (chunk: Buffer) => void chunks.push(chunk));
      req.once("end", () => resolve({ req, body: Buffer.concat(chunks).toString("latin1") }));
    });
    server.once("clientError", () => resolve(undefined));
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    server.emit("connection", stream);
    stream.push(bytes);
  });
}

const isFull = process.env["SCENARIO_FULL"] === "1";
const fuzzCount = isFull ? 1_000_000 : 20_000;

test(`S5: of ${fuzzCount} mutated requests, node:http reads each that is hot as the lane does, and no part of one decides otherwise`, () =>
  withSeed(isFull ? Date.now() : 1, async (seed) => {
    const random = createSeeded(seed);
    let hotCount = 0;
    for (let i = 0; i < fuzzCount; i++) {
      const text = mutateRequest(drawHotRequest(random), random);
      const bytes = Buffer.from(text, "latin1");
      const head = parseBytes(bytes, 0, bytes.length);
      const part = parseBytes(bytes, 0, random.between(0, bytes.length));
      if (typeof head === "string") {
        assert.ok(part === "more" || part === head, `${JSON.stringify(text)}: ${String(part)}, then ${head}`);
        continue;
      }
      assert.ok(part === "more" || typeof part === "object", JSON.stringify(text));
      if (bytes.length < head.endOffset + head.bodyBytes) continue;
      hotCount++;
      const read = await readByNode(bytes.subarray(0, head.endOffset + head.bodyBytes));
      assert.ok(read, `node:http refuses ${JSON.stringify(text)}`);
      const { req, body } = read;
      assert.equal(`${req.method} ${req.url}`, hotTargets[head.targetIndex]);
      assert.equal(body, bytes.toString("latin1", head.endOffset, head.endOffset + head.bodyBytes));
      const seen = wanted.map((name) => req.headers[name]);
      assert.deepEqual(valuesOf(bytes, head), seen, JSON.stringify(text));
    }
    assert.ok(hotCount > fuzzCount / 50, `${hotCount} were hot`);
  }));
