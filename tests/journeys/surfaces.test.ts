import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import OpenAI from "openai";
import { balanceOf, listUsage, waitForNoHold } from "../read-money.ts";
import { runPlatform } from "../run-platform.ts";

/** A vendor that has no answer for anything. */
const broken = createServer((req, res) => {
  req.resume().on("end", () => res.writeHead(500, { "content-type": "application/json" }).end("{}"));
});
broken.listen(0, "127.0.0.1");
await once(broken, "listening");
after(() => broken.close());
const baseUrl = `http://127.0.0.1:${(broken.address() as AddressInfo).port}/v1`;
const surfaceModels = ["simulated-moderation", "simulated-rerank"];
const models = surfaceModels.map((name) => ({ name, inputUsdPerMillion: "1" }));
const routes = surfaceModels.map((model) => ({
  name: `routed-${model}`,
  strategy: "fallback",
  targets: [
    { provider: "broken", model },
    { provider: "simulated", model },
  ],
}));
const platform = await runPlatform({ after }, { config: { providers: [{ name: "broken", baseUrl, models }], routes } });
const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });

/** What a call costs that goes on at the simulated provider, by the wallet and by its usage. */
async function costOf(call: () => Promise<Response>): Promise<bigint> {
  const before = await balanceOf(platform);
  const answer = await call();
  assert.equal(answer.headers.get("lyss-provider"), "simulated");
  assert.equal(answer.headers.get("lyss-attempts"), "2");
  await answer.arrayBuffer();
  await waitForNoHold(platform);
  const spent = before.available - (await balanceOf(platform)).available;
  const id = answer.headers.get("lyss-call-id");
  const rows = (await listUsage(platform)).filter((row) => row.id === id && row.status === "completed");
  assert.deepEqual(
    rows.map((row) => BigInt(row.cost_nanos)),
    [spent],
  );
  return spent;
}

test("W31: a moderation costs its tokens, and goes on at another provider before its answer has begun", async () => {
  const cost = await costOf(() =>
    client.moderations.create({ model: "routed-simulated-moderation", input: "one two three" }).asResponse(),
  );
  // Three tokens at 0.01 USD per million.
  assert.equal(cost, 30n);
});

test("W31: a rerank costs its searches, to the nano", async () => {
  const documents = Array.from({ length: 101 }, (_, n) => `document ${n}`);
  const body = { model: "routed-simulated-rerank", query: "document 7", documents };
  const cost = await costOf(() => client.post("/rerank", { body }).asResponse());
  // Two searches at 2 USD per thousand.
  assert.equal(cost, 4_000_000n);
});
