import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import type { LoadResult } from "./load-result.ts";
import { compile, compilerMissing, findCompiler } from "./native.ts";

const options = { skip: findCompiler() === undefined && compilerMissing };
let folder: string;
let program: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "lyss-load-"));
  writeFileSync(join(folder, "body.json"), JSON.stringify({ text: "x".repeat(300_000) }));
  if (!options.skip) program = compile("load", folder);
});
after(() => rmSync(folder, { recursive: true }));

type Answer = (socket: Socket, number: number) => Promise<void> | void;

/** Runs `load` against a server that gives each whole request to `answer`, counted from 1. */
async function run(answer: Answer, ...args: readonly string[]): Promise<LoadResult> {
  let requests = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    let text = "";
    socket.on("error", () => undefined);
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      const [, head, length] = /^(.*?content-length: (\d+)\r\n\r\n)/is.exec(text) ?? [];
      if (head === undefined || text.length < head.length + Number(length)) return;
      assert.equal(text.length, head.length + Number(length), "a connection has one request under way");
      text = "";
      void answer(socket, ++requests);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = String((server.address() as AddressInfo).port);
  const standard = ["--port", port, "--path", "/", "--body", join(folder, "body.json"), "--connections", "3"];
  try {
    return JSON.parse((await promisify(execFile)(program, [...standard, ...args])).stdout);
  } finally {
    server.close();
  }
}

/** Sends a text byte by byte, each in a write of its own. */
async function dribble(socket: Socket, text: string): Promise<void> {
  for (const byte of text) {
    socket.write(byte);
    await setImmediate();
  }
}

const events = 'data: {"a":1}\n\ndata: {"a":2}\n\ndata: [DONE]\n\n';

function chunked(text: string, size: number): string {
  let framed = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (let at = 0; at < text.length; at += size) {
    const piece = text.slice(at, at + size);
    framed += `${piece.length.toString(16).toUpperCase()};x=y\r\n${piece}\r\n`;
  }
  return `${framed}0\r\nTrailer: x\r\n\r\n`;
}

test(
  "refusals that say when to come again are counted by themselves; without that, or of another status, they are errors",
  options,
  async () => {
    const forms = [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno",
      "HTTP/1.1 503 Busy\r\nRETRY-AFTER: 30\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno",
      "HTTP/1.1 429 Busy\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\nno",
    ];
    const answer: Answer = (socket, number) => void socket.write(forms[number % forms.length] ?? "");
    const result = await run(answer, "--requests", "50", "--rejects", "503");
    assert.deepEqual([result.completed, result.rejected, result.errors.status, result.errorCount], [10, 20, 20, 20]);
    assert.ok(result.rejectionUs.max > 0);
    const strict = await run(answer, "--requests", "50");
    assert.deepEqual([strict.completed, strict.rejected, strict.errors.status], [10, 0, 40]);
  },
);

test("a server may say that it closes an idle connection, and nothing else unasked", options, async () => {
  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const timedOut = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";
  const said = async (bytes: string) => {
    const held: Socket[] = [];
    const answer: Answer = (socket, number) => {
      if (number <= 3) held.push(socket);
      else socket.write(whole);
      // Two are free then, of which one takes the fourth request.
      if (number === 3) for (const one of held.slice(0, 2)) one.write(whole);
      if (number !== 4) return;
      held[2]?.write(whole);
      held
        .slice(0, 2)
        .find((one) => one !== socket)
        ?.end(bytes);
    };
    return (await run(answer, "--rate", "20", "--requests", "8")).errors;
  };
  assert.equal((await said(timedOut)).malformed, 0);
  assert.ok((await said(whole)).malformed > 0);
});

test("answers by length, in chunks and until close are read whole, also byte by byte", options, async () => {
  const forms = [
    "HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nhello",
    chunked("hello", 2),
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
  ];
  const result = await run((socket, number) => dribble(socket, forms[number % forms.length] ?? ""), "--requests", "12");
  assert.deepEqual([result.completed, result.errorCount, result.bytes], [12, 0, 60]);
  const closing = await run(
    (socket) => void socket.end("HTTP/1.0 200 OK\r\n\r\nhello".replace("1.0", "1.1")),
    "--requests",
    "5",
  );
  assert.deepEqual([closing.completed, closing.errorCount, closing.bytes], [5, 0, 25]);
});

test(
  "the events of a stream are counted wherever they are split, and a stream without [DONE] is an error",
  options,
  async () => {
    for (const size of [1, 2, 3, 7, 1000]) {
      const result = await run((socket) => dribble(socket, chunked(events, size)), "--requests", "3", "--stream");
      assert.deepEqual([result.completed, result.events, result.errorCount], [3, 9, 0], `chunks of ${size}`);
    }
    const short = await run(
      (socket) => void socket.write(chunked(events.slice(0, 30), 9)),
      "--requests",
      "3",
      "--stream",
    );
    assert.deepEqual([short.completed, short.errors.incomplete], [0, 3]);
  },
);

test("every kind of bad answer is counted as what it is, and the load goes on", options, async () => {
  const good = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const cases: [kind: keyof LoadResult["errors"], answer: Answer][] = [
    ["status", (socket) => void socket.write("HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello")],
    ["length", (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell")],
    ["broken", (socket) => void socket.destroy()],
    ["broken", (socket) => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")],
    ["broken", (socket) => void socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")],
    ["malformed", (socket) => void socket.write(`${good}!`)],
    ["malformed", (socket) => void socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX")],
    ["malformed", (socket) => void socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")],
    ["malformed", (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello")],
    ["malformed", (socket) => void socket.write("hello there, who are you?\r\n\r\n")],
  ];
  for (const [kind, answer] of cases) {
    const respond: Answer = (socket, number) => (number === 3 ? answer(socket, number) : void socket.write(good));
    const result = await run(respond, "--requests", "8", "--connections", "1", "--bytes", "5");
    assert.deepEqual([result.completed, result.errorCount, result.errors[kind]], [7, 1, 1], kind);
  }
});

test("at a fixed rate a stalled server shows up as latency of the calls that were due", options, async () => {
  const good = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
  const answer: Answer = async (socket, number) => {
    const until = performance.now() + (number === 10 ? 200 : 0);
    while (performance.now() < until) await setImmediate();
    socket.write(good);
  };
  const result = await run(answer, "--connections", "1", "--seconds", "0.5", "--rate", "100");
  assert.equal(result.completed, 50);
  assert.ok(result.latencyUs.p90 > 50_000, `${result.latencyUs.p90} µs`);
  assert.equal(result.errorCount, 0);
});
