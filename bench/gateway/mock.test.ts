import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import OpenAI from "openai";
import type { LoadResult } from "./load-result.ts";
import { compile, compilerMissing, findCompiler } from "./native.ts";

const options = { skip: findCompiler() === undefined && compilerMissing };
const chunks = 5;
let folder: string;
let mock: ChildProcess;
let port: number;

before(async () => {
  if (options.skip) return;
  folder = mkdtempSync(join(tmpdir(), "lyss-mock-"));
  mock = spawn(compile("mock", folder), ["0", String(chunks), "1000"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(mock.stdout ?? mock, "data");
  port = Number(/^listening (\d+)/.exec(String(line))?.[1]);
});
after(async () => {
  if (options.skip) return;
  mock.kill();
  await once(mock, "exit");
  rmSync(folder, { recursive: true });
});

/** Writes `pieces` to one connection and gives what came back until the mock closed it. */
async function exchange(pieces: Iterable<string>): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
  });
  for (const piece of pieces) {
    socket.write(piece, "latin1");
    await setImmediate();
  }
  await once(socket, "close");
  return text;
}

function request(body: string, headers = ""): string {
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

test("the official SDK reads its answers and its streams", options, async () => {
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${port}/v1`, apiKey: "sk-mock", maxRetries: 0 });
  const call = { model: "mock-model", messages: [{ role: "user" as const, content: "Hi" }] };
  const answer = await client.chat.completions.create(call);
  assert.equal(answer.usage?.total_tokens, 270);
  const stream = await client.chat.completions.create({
    ...call,
    stream: true,
    stream_options: { include_usage: true },
  });
  const received = await Array.fromAsync(stream);
  assert.equal(received.filter((chunk) => chunk.choices[0]?.delta.content).length, chunks);
  assert.equal(received.at(-1)?.usage?.completion_tokens, chunks);
  assert.equal((await client.models.list()).data[0]?.id, "mock-model");
});

test("requests that come byte by byte or several at once are answered in order", options, async () => {
  const dribbled = await exchange(request('{"a":1}', "Connection: close\r\n"));
  assert.equal(dribbled.match(/HTTP\/1\.1 200 OK/g)?.length, 1);
  const burst = request('{"stream": true}') + request("{}") + request('{"stream":true}', "connection: Close\r\n");
  const text = await exchange([burst]);
  assert.deepEqual(text.match(/text\/event-stream|application\/json/g), [
    "text/event-stream",
    "application/json",
    "text/event-stream",
  ]);
  assert.equal(text.match(/data: \[DONE\]/g)?.length, 2);
});

test("what is not a request is refused and counted", options, async () => {
  const before = await (await fetch(`http://127.0.0.1:${port}/stats`)).json();
  for (const bad of [
    "x".repeat(20_000),
    "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
  ]) {
    assert.match(await exchange([bad]), /^HTTP\/1\.1 400 /);
  }
  const after = await (await fetch(`http://127.0.0.1:${port}/stats`)).json();
  assert.equal((after as { malformed: number }).malformed, (before as { malformed: number }).malformed + 3);
});

test(
  "load and mock agree on what went between them, with bodies larger than a socket takes at once",
  options,
  async () => {
    const load = compile("load", folder);
    const read = async (): Promise<{ requests: number; chunks: number }> =>
      (await fetch(`http://127.0.0.1:${port}/stats`)).json() as never;
    for (const stream of [false, true]) {
      const body = join(folder, "body.json");
      writeFileSync(body, JSON.stringify({ stream, text: "x".repeat(5_000_000) }));
      const before = await read();
      const args = [
        "--port",
        `${port}`,
        "--path",
        "/v1/chat/completions",
        "--body",
        body,
        "--requests",
        "40",
        "--connections",
        "7",
      ];
      const { stdout } = await promisify(execFile)(load, stream ? [...args, "--stream"] : args);
      const result: LoadResult = JSON.parse(stdout);
      const after = await read();
      assert.deepEqual([result.completed, result.errorCount], [40, 0]);
      assert.equal(after.requests - before.requests, 40);
      assert.equal(result.events, stream ? 40 * (chunks + 3) : 0);
      assert.equal(after.chunks - before.chunks, stream ? 40 * chunks : 0);
    }
  },
);
