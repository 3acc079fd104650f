import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitForNoCall, waitForUsage } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { openStream } from "./open-streams.ts";
import { sendWord, startRawProvider, toChunk } from "./raw-provider.ts";

const limits = { timeout: 120_000 };
/** The row's figure. */
const maxBytesPerConnection = 65_536;
/** What the kernel may hold on the way from provider to gateway, and from gateway to reader (Linux: tcp_rmem, tcp_wmem). */
const maxKernelBytes = 48_000_000;

/** Sends a streamed call and reads nothing of the answer but its first byte, and then a byte a second. */
async function openSlowReader(t: TestScope, { url, apiKey }: RunningPlatform, model: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on("error", () => {});
  t.after(async () => void socket.destroy());
  const body = JSON.stringify({ model, stream: true, max_tokens: 100, messages: [{ role: "user", content: "go" }] });
  const head = [
    "POST /v1/chat/completions HTTP/1.1",
    "host: lyss",
    `authorization: Bearer ${apiKey}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  await once(socket, "readable");
  return socket;
}

/** Reads one byte of each, every second, until the signal aborts. */
async function trickle(sockets: readonly Socket[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const socket of sockets) socket.read(1);
    await delay(systemClock, 1_000, signal).catch(() => {});
  }
}

function residentBytes(pid: number): number {
  return 1_024 * Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" }));
}

async function callOthers({ url, apiKey }: RunningPlatform, model: string, count: number): Promise<void> {
  const body = { model, max_tokens: 10, messages: [{ role: "user", content: "hello" }] };
  for (let at = 0; at < count; at += 10) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => requestJson(`${url}/v1/chat/completions`, apiKey, { body })),
    );
    for (const { status, body: answer } of answers) assert.equal(status, 200, JSON.stringify(answer));
  }
}

test("R15, W9: a provider that sends faster than its reader reads is paused", limits, async (t) => {
  const scope = closeInReverse(t);
  const readers = 2;
  const sent: number[] = [];
  const chunk = toChunk("word ".repeat(3_000));
  const pour = async (res: ServerResponse) => {
    const number = sent.push(0) - 1;
    res.writeHead(200, { "content-type": "text/event-stream" });
    while (!res.destroyed) {
      sent[number] = (sent[number] ?? 0) + chunk.length;
      if (!res.write(chunk)) await once(res, "drain").catch(() => {});
    }
  };
  const torrent = await startRawProvider(scope, "torrent", (res) => void pour(res));
  const platform = await runPlatform(scope, { config: { providers: [torrent.config], log: { level: "warn" } } });
  await Promise.all(Array.from({ length: readers }, () => openSlowReader(scope, platform, "torrent")));
  // The gateway is idle again when it has read all that it will.
  for (let before = -1, total = 0; before !== total; total = sent.reduce((sum, one) => sum + one, 0)) {
    before = total;
    await delay(systemClock, 1_500);
  }
  assert.equal(sent.length, readers);
  for (const bytes of sent) assert.ok(bytes <= maxKernelBytes, `${bytes} bytes were taken from the provider`);
  const stoppedAt = [...sent];
  await callOthers(platform, "simulated-chat", 20);
  assert.deepEqual(sent, stoppedAt, "the provider is paused, not slowed down");
});

test(
  "R15: a reader that stops and then leaves holds up nobody: a provider that is drained is read to what it reports",
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    // No text: none of it has to be counted.
    const chunk = `data: ${JSON.stringify({ id: "x", choices: [], padding: "x".repeat(60_000) })}\n\n`;
    let sentBytes = 0;
    const pour = async (res: ServerResponse) => {
      res.writeHead(200, { "content-type": "text/event-stream" });
      for (; sentBytes < 2 * maxKernelBytes; sentBytes += chunk.length) {
        if (!res.write(chunk)) await once(res, "drain");
      }
      const usage = { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 };
      res.end(`data: ${JSON.stringify({ id: "x", choices: [], usage })}\n\ndata: [DONE]\n\n`);
    };
    const torrent = await startRawProvider(scope, "torrent", (res) => void pour(res).catch(() => {}));
    const config = { providers: [{ ...torrent.config, onDisconnect: "drain" }], log: { level: "warn" } };
    const platform = await runPlatform(scope, { config });
    const reader = await openSlowReader(scope, platform, "torrent");
    for (let before = -1; before !== sentBytes; ) {
      before = sentBytes;
      await delay(systemClock, 1_500);
    }
    assert.ok(sentBytes < 2 * maxKernelBytes, "the provider is paused");
    reader.destroy();
    const [row] = await waitForUsage(platform, 1);
    assert.deepEqual([row?.status, row?.input_tokens, row?.output_tokens], ["canceled", 7, 9]);
  },
);

test("R15: 2,000 readers at a byte a second cost at most 64 KiB each, and the others are served", limits, async (t) => {
  const scope = closeInReverse(t);
  const readers = 2_000;
  const answer = toChunk("word ".repeat(200)).repeat(16);
  const long = await startRawProvider(scope, "long", (res, isStream) => {
    if (!isStream) return sendWord(res);
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(answer);
  });
  const platform = await runPlatform(scope, {
    config: {
      providers: [long.config],
      aiGateway: { connectionsPerProvider: readers + 10 },
      resilience: { policies: { "provider.long": { bulkhead: { maxConcurrent: readers + 10 } } } },
      stop: { drainTimeoutMs: 0 },
      log: { level: "warn" },
    },
  });
  // What calls load at first, such as the tables by which a stream's text is counted, and what the engine lets its heap grow by as they
  // go, is not the readers' cost: a stream and as many calls as there are readers have gone before.
  (await openSlowReader(scope, platform, "long")).destroy();
  await waitForNoCall(platform);
  await callOthers(platform, "long", readers);
  const before = residentBytes(platform.pid);
  const sockets: Socket[] = [];
  for (let at = 0; at < readers; at += 200) {
    sockets.push(...(await Promise.all(Array.from({ length: 200 }, () => openSlowReader(scope, platform, "long")))));
  }
  const stop = new AbortController();
  const trickling = trickle(sockets, stop.signal);
  await callOthers(platform, "long", 50);
  const perConnection = (residentBytes(platform.pid) - before) / readers;
  stop.abort();
  await trickling;
  t.diagnostic(`${Math.round(perConnection)} bytes a connection`);
  assert.equal(sockets.filter(({ destroyed }) => destroyed).length, 0);
  assert.ok(perConnection <= maxBytesPerConnection, `${Math.round(perConnection)} bytes a connection`);
});

test("a long streamed answer whose provider reports no usage is charged for all of its text", limits, async (t) => {
  const scope = closeInReverse(t);
  const words = 600;
  const chunks = 5;
  const talker = await startRawProvider(scope, "talker", (res) => {
    res.writeHead(200, { "content-type": "text/event-stream" });
    for (let n = 0; n < chunks; n++) res.write(toChunk(" word".repeat(words)));
    res.end(`data: ${JSON.stringify({ id: "x", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`);
  });
  const platform = await runPlatform(scope, { config: { providers: [talker.config], log: { level: "warn" } } });
  const { text } = await openStream(platform, { model: "talker", directives: "go" }).ended;
  assert.ok(text.endsWith("data: [DONE]\n\n"));
  const [usage] = await waitForUsage(platform, 1);
  // 600 nanos a token and a token a word, a few more where the text was cut to be counted, and the prompt.
  const tokens = Number(usage?.cost_nanos) / 600;
  assert.ok(tokens >= words * chunks && tokens <= 1.05 * words * chunks, `${tokens} tokens`);
});
