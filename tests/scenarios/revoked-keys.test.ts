import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { requestJson } from "../run-platform.ts";
import { type GatewayFleet, runGatewayFleet } from "./gateway-fleet.ts";

// `SCENARIO_FULL=1` keeps more calls under way at once.
const workersPerGateway = process.env["SCENARIO_FULL"] ? 8 : 2;

/** A request that costs the machine little, so that many can be made. */
function ask(agent: Agent, url: string, secret: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = get(url, { agent, headers: { authorization: `Bearer ${secret}` } }, (res) => {
      res.resume().once("end", () => resolve(res.statusCode ?? 0));
    });
    req.once("error", reject);
  });
}

/** What four gateways answer to a key that is used on all of them without a pause. */
function useEverywhere({ gateways }: GatewayFleet, secret: string) {
  const startedMs = clock.monotonicMs();
  const agent = new Agent({ keepAlive: true });
  let stop = false;
  let [accepted, lastAcceptedMs] = [0, 0];
  const refusals: number[] = gateways.map(() => 0);
  const worker = async (number: number) => {
    while (!stop) {
      const status = await ask(agent, `${gateways[number]?.url}/v1/models`, secret);
      if (status === 200) {
        accepted++;
        lastAcceptedMs = clock.monotonicMs();
      } else {
        assert.equal(status, 401);
        refusals[number] = (refusals[number] ?? 0) + 1;
      }
    }
  };
  const working = Promise.all(
    gateways.flatMap((_, number) => Array.from({ length: workersPerGateway }, () => worker(number))),
  );
  return {
    accepted: () => accepted,
    /** Resolves when every gateway has refused the key often; gives how long after `sinceMs` it was accepted for the last time. */
    async untilRefused(sinceMs: number): Promise<number> {
      while (!refusals.every((count) => count >= 50)) await new Promise((resolve) => setImmediate(resolve));
      stop = true;
      await working;
      agent.destroy();
      return lastAcceptedMs - sinceMs;
    },
    rate: () => Math.round((accepted * 1_000) / (clock.monotonicMs() - startedMs)),
  };
}

async function untilAccepted(use: ReturnType<typeof useEverywhere>, count: number): Promise<void> {
  while (use.accepted() < count) await new Promise((resolve) => setImmediate(resolve));
}

test("I5: a key in use on four gateways is refused by all within a second of its revocation, within five where no event comes", async (t) => {
  const fleet = await runGatewayFleet(t, 4, {});
  const [first] = fleet.gateways;
  assert.ok(first);
  const make = async (name: string) => {
    const { status, body } = await requestJson(`${first.url}/v1/keys`, first.apiKey, { body: { name } });
    assert.equal(status, 201);
    return { id: String(body["id"]), secret: String(body["secret"]) };
  };

  const told = await make("told");
  const use = useEverywhere(fleet, told.secret);
  await untilAccepted(use, 2_000);
  const rate = use.rate();
  const { status } = await requestJson(`${first.url}/v1/keys/${told.id}`, first.apiKey, { method: "DELETE" });
  assert.equal(status, 200);
  const lateMs = await use.untilRefused(clock.monotonicMs());
  t.diagnostic(
    `${rate} requests/s; accepted for the last time ${Math.round(lateMs)} ms after the answer to the revocation`,
  );
  assert.ok(lateMs <= 1_000, `${lateMs} ms`);

  const silent = await make("silent");
  const silently = useEverywhere(fleet, silent.secret);
  await untilAccepted(silently, 1_000);
  // As if the bus were down: the row says so, and no event ever does.
  await fleet.sql`update auth.key set revoked_at = now() where key_id = ${silent.id}`;
  const silentMs = await silently.untilRefused(clock.monotonicMs());
  t.diagnostic(`without an event: ${Math.round(silentMs)} ms`);
  assert.ok(silentMs <= 5_000, `${silentMs} ms`);
});
