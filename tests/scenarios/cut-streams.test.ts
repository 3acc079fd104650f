import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { assertMoneyAddsUp, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { runPlatform } from "../run-platform.ts";
import { startRawProvider, toChunk } from "./raw-provider.ts";

const limits = { timeout: 180_000 };
const count = 1_000;
const atOnce = 25;

/** Says as many words as the call asks for by `max_tokens`, an event each, and resets the connection. */
async function startResetting(t: TestScope, asked: string[]) {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    res.on("error", () => {});
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", () => {
      const { messages, max_tokens: words } = JSON.parse(Buffer.concat(chunks).toString());
      asked.push(messages[0].content);
      res.writeHead(200, { "content-type": "text/event-stream" });
      const say = (said: number): void => {
        if (said === words) setImmediate(() => res.socket?.resetAndDestroy());
        else res.write(toChunk("word "), () => say(said + 1));
      };
      say(0);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

test(
  `R8: of ${count} streams that their provider resets after some events none is sent again, each ends with an error and is charged once`,
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    const asked: string[] = [];
    let askedElsewhere = 0;
    const elsewhere = await startRawProvider(scope, "elsewhere", (res) => {
      askedElsewhere++;
      res.writeHead(500).end();
    });
    const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "1" };
    const resetting = {
      name: "resetting",
      baseUrl: await startResetting(scope, asked),
      models: [{ name: "cut", ...price }],
    };
    const platform = await runPlatform(scope, {
      config: {
        providers: [resetting, { ...elsewhere.config, models: [{ name: "cut", ...price }] }],
        aiGateway: { simulator: false },
        log: { level: "error" },
      },
    });
    const random = createSeeded(1);
    const faults: string[] = [];
    const words = new Map<string, number>();
    const call = async (n: number) => {
      const wanted = random.between(1, 12);
      const answer = await fetch(`${platform.url}/v1/chat/completions`, {
        method: "POST",
        headers: {
          ...{ authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
          // Half of them do not go the short way.
          ...(n % 2 === 1 && { "idempotency-key": `cut-${n}` }),
        },
        body: JSON.stringify({
          model: "cut",
          stream: true,
          max_tokens: wanted,
          messages: [{ role: "user", content: `call ${n}` }],
        }),
      });
      const text = await answer.text();
      const said = text.match(/word /g)?.length ?? 0;
      const isTold = answer.status === 200 && /"code":"[A-Z]+_\d{3}"/.test(text) && !text.includes("[DONE]");
      if (!isTold || said > wanted) faults.push(`${n}, ${wanted}: ${answer.status} ${text.slice(-300)}`);
      words.set(answer.headers.get("lyss-call-id") ?? "", said);
    };
    for (let at = 0; at < count; at += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, n) => call(at + n)));
    }
    assert.deepEqual(faults, []);
    assert.deepEqual([asked.length, new Set(asked).size, askedElsewhere], [count, count, 0]);
    await waitForNoCall(platform);
    await waitForNoHold(platform);
    const rows = await listUsage(platform);
    assert.equal(rows.length, count);
    assert.equal(words.size, count);
    for (const { id, status, output_tokens: tokens } of rows) {
      assert.equal(status, "truncated", id);
      assert.ok((words.get(id) ?? 0) > 0 && tokens > 0, `${id}: ${tokens}`);
    }
    await assertMoneyAddsUp(platform);
  },
);
