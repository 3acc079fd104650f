import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { balanceOf, heldNanos, listUsage, waitForNoCall, waitForNoHold, waitForUsage } from "../read-money.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";
import { toChunk } from "./raw-provider.ts";

const calls = process.env["SCENARIO_FULL"] === "1" ? 10_000 : 200;
const startNanos = 10_000_000_000n;
const waitLimitMs = 30_000;
/** Two dollars are set aside for a call, which is too much for a lease: it has a hold of its own. */
const dear = { inputUsdPerMillion: "0", outputUsdPerMillion: "500", maxOutputTokens: 4_000 };
const cheap = { inputUsdPerMillion: "0.15", outputUsdPerMillion: "0.60", maxOutputTokens: 1_000 };

async function listen(t: TestScope, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A provider that sends a word every few milliseconds, or nothing at all to what is asked of `silent`. */
async function startSlowProvider(t: TestScope) {
  const models: string[] = [];
  const server = createServer((req, res) => {
    let body = "";
    req.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    req.on("end", () => {
      const { model } = JSON.parse(body);
      models.push(model);
      if (model !== "silent") void sendWords(res.on("error", () => undefined));
    });
  });
  return { models, port: await listen(t, server) };
}

async function sendWords(res: ServerResponse): Promise<void> {
  res.writeHead(200, { "content-type": "text/event-stream" });
  for (let n = 0; n < 4 && !res.destroyed; n++) {
    res.write(toChunk("word "));
    await delay(systemClock, 5);
  }
  const usage = { prompt_tokens: 1, completion_tokens: 4, total_tokens: 5 };
  res.write(`data: ${JSON.stringify({ id: "x", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`);
  res.end(`data: ${JSON.stringify({ id: "x", choices: [], usage })}\n\ndata: [DONE]\n\n`);
}

const bodyOf = (model: string) => JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "go" }] });

function callWith({ url, apiKey }: RunningPlatform, model: string, signal: AbortSignal): Promise<string> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  return fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: bodyOf(model), signal }).then((answer) =>
    answer.text(),
  );
}

/** A call on a bare connection, which is then reset. */
async function callAndReset({ url, apiKey }: RunningPlatform, model: string, afterMs: number): Promise<void> {
  const { port, host } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1").on("error", () => undefined);
  const body = bodyOf(model);
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${apiKey}\r\n`;
  socket.write(`${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await delay(systemClock, afterMs);
  socket.resetAndDestroy();
}

const until = (what: string, isTrue: () => boolean | Promise<boolean>) =>
  waitUntil(isTrue, { withinMs: waitLimitMs, what });

test("B8: what a call had set aside comes back when its caller leaves before the first byte, or during the connect", async (t) => {
  const scope = closeInReverse(t);
  const slow = await startSlowProvider(scope);
  let isConnecting = false;
  // Accepts, and says nothing to the greeting of TLS.
  const mute = createTcpServer((socket) => {
    isConnecting = true;
    socket.resume();
  });
  const mutePort = await listen(scope, mute);
  const platform = await runPlatform(scope, {
    config: {
      providers: [
        { name: "slow", baseUrl: `http://127.0.0.1:${slow.port}/v1`, models: [{ name: "silent", ...dear }] },
        { name: "mute", baseUrl: `https://127.0.0.1:${mutePort}/v1`, models: [{ name: "connecting", ...dear }] },
      ],
    },
  });
  const stages = [
    { model: "silent", isThere: () => slow.models.length > 0 },
    { model: "connecting", isThere: () => isConnecting },
  ];
  for (const [i, { model, isThere }] of stages.entries()) {
    const caller = new AbortController();
    const call = callWith(platform, model, caller.signal);
    await until("the call", isThere);
    assert.equal(await heldNanos(platform), 2_000_000_000n, model);
    caller.abort();
    await assert.rejects(call, { name: "AbortError" });
    const releasedMs = await until("the release", async () => (await heldNanos(platform)) === 0n);
    t.diagnostic(`${model}: released within ${Math.round(releasedMs)} ms`);
    const [row] = await waitForUsage(platform, i + 1);
    assert.deepEqual([row?.status, row?.cost_nanos], ["canceled", "0"], model);
  }
  assert.deepEqual(await balanceOf(platform), { available: startNanos, held: 0n });
});

test("B18: calls that are aborted, reset or timed out anywhere leave nothing set aside, and the books add up", {
  timeout: 3_600_000,
}, async (t) => {
  const seed = 20_261_126;
  const { between } = createSeeded(seed);
  const scope = closeInReverse(t);
  const { port } = await startSlowProvider(scope);
  const { url } = await createOwnServer(scope).start();
  const sql = postgres(url, { max: 1 });
  scope.after(() => sql.end());
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const platform = await runPlatform(scope, {
    config: {
      database: { url },
      log: { level: "error" },
      billing: { reserveWaitMs: 500 },
      resilience: { policies: { "provider.brief": { timeoutMs: "30ms" } } },
      providers: [
        {
          name: "slow",
          baseUrl,
          models: ["cheap", "dear"].map((name) => ({ name, ...(name === "dear" ? dear : cheap) })),
        },
        { name: "brief", baseUrl, models: [{ name: "silent", ...cheap }] },
      ],
    },
  });

  let begun = 0;
  const worker = async () => {
    while (begun++ < calls) {
      const afterMs = between(0, 60);
      const model = (["cheap", "cheap", "dear", "silent"] as const)[between(0, 3)] ?? "cheap";
      if (between(0, 2) === 0) await callAndReset(platform, model, afterMs);
      else await callWith(platform, model, AbortSignal.timeout(afterMs)).catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: 25 }, worker));

  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const [left] = await sql`
    select (select count(*)::int from billing.hold) as holds,
      (select coalesce(sum(amount_nanos), 0)::text from billing.lease) as leased`;
  assert.deepEqual({ ...left }, { holds: 0, leased: "0" }, `seed ${seed}`);
  const rows = await listUsage(platform);
  const charged = rows.reduce((sum, row) => sum + BigInt(row.cost_nanos), 0n);
  assert.equal((await balanceOf(platform)).available, startNanos - charged, `seed ${seed}`);
  assert.ok(
    rows.every(({ status }) => status !== "lost"),
    `seed ${seed}`,
  );
  assert.ok(
    rows.some(({ status }) => status === "canceled"),
    `seed ${seed}`,
  );
});
