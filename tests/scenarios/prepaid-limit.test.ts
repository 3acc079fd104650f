import assert from "node:assert/strict";
import { test } from "node:test";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { balanceOf } from "../read-money.ts";
import { requestJson } from "../run-platform.ts";
import { runGatewayFleet } from "./gateway-fleet.ts";
import { startRawProvider } from "./raw-provider.ts";

const rounds = process.env["SCENARIO_FULL"] === "1" ? 50 : 1;
const nodes = 4;
const callsPerNode = 250;
const affordable = 100;

test("B1: of 1,000 calls over four gateways on money for 100 exactly 100 are admitted, and none of the others is sent", {
  timeout: 3_600_000,
}, async (t) => {
  const scope = closeInReverse(t);
  let served = 0;
  const vendor = await startRawProvider(scope, "dear", (res) => {
    served++;
    const choices = [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }];
    const usage = { prompt_tokens: 3, completion_tokens: 100, total_tokens: 103 };
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "x", choices, usage }));
  });
  // 100 tokens at 1,000 USD per million are ten cents: the first run's ten dollars pay for 100 calls.
  const models = [{ name: "dear", inputUsdPerMillion: "0", outputUsdPerMillion: "1000" }];
  const fleet = await runGatewayFleet(scope, nodes, {
    // Long enough for a busy machine: a call that waits for held money is refused when it is spent, not when time is up.
    billing: { reserveWaitMs: 60_000 },
    providers: [{ ...vendor.config, models }],
  });
  const [first] = fleet.gateways;
  assert.ok(first);
  const { apiKey } = first;
  const body = { model: "dear", max_tokens: 100, messages: [{ role: "user", content: "hello" }] };
  for (let round = 1; round <= rounds; round++) {
    served = 0;
    const answers = await Promise.all(
      fleet.gateways.flatMap(({ url }) =>
        Array.from({ length: callsPerNode }, () => requestJson(`${url}/v1/chat/completions`, apiKey, { body })),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    const refused = nodes * callsPerNode - affordable;
    assert.deepEqual([count(200), count(402), served], [affordable, refused, affordable], `round ${round}`);
    assert.deepEqual(await balanceOf(first), { available: 0n, held: 0n }, `round ${round}`);
    const topUp = { body: { amount: "10", reference: `round ${round}` } };
    assert.equal((await requestJson(`${first.url}/v1/billing/top-up`, apiKey, topUp)).status, 200);
  }
});
