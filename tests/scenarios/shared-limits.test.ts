import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { waitFor, waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { requestJson } from "../run-platform.ts";
import { runGatewayFleet } from "./gateway-fleet.ts";

const fleet = await runGatewayFleet({ after }, 2, {});
const { gateways } = fleet;
const [gateway] = gateways;
assert.ok(gateway);
const first = JSON.parse(readFileSync(join(gateway.dataDir, "first-run.json"), "utf8"));

const call = (number: number) =>
  requestJson(`${gateways[number]?.url}/v1/chat/completions`, first.apiKey, {
    body: { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] },
  });
type Answer = Awaited<ReturnType<typeof call>>;
const errorOf = ({ body }: Answer) =>
  Object(body["error"]) as { readonly message: string; readonly details?: Record<string, unknown> };

/** Waits until a call by each gateway is answered like that; how long that took. */
async function untilEach(isSo: (answer: Answer) => boolean, what: string): Promise<number> {
  const sinceMs = clock.monotonicMs();
  await Promise.all(
    gateways.map((_, number) => waitUntil(async () => isSo(await call(number)), { withinMs: 10_000, what })),
  );
  return Math.round(clock.monotonicMs() - sinceMs);
}

test("a group's limits hold the keys of its members on every node, say whose they are, and end with the group", async (t) => {
  const { body: session } = await requestJson(`${gateway.url}/api/v1/auth/token`, "", {
    body: { grant_type: "password", username: first.adminEmail, password: first.adminPassword },
  });
  const send = async (method: string, path: string, body?: object) => {
    const token = String(session["access_token"]);
    const answer = await requestJson(`${gateway.url}${path}`, token, { method, ...(body && { body }) });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  };
  const group = await send("POST", "/api/v1/groups", { name: "Research" });
  const path = `/api/v1/groups/${group["id"]}`;
  // Auth hears of a new group a moment later.
  await waitUntil(async () => (await requestJson(`${gateway.url}${path}/limits`, first.apiKey)).status === 200);
  const change = (limits: object) => send("PATCH", `${path}/limits`, limits);
  const told = (limit: string | null) => (answer: Answer) => answer.headers.get("x-ratelimit-limit") === limit;

  await change({ requests_per_minute: 1_000 });
  t.diagnostic(`set on both gateways after ${await untilEach(told("1000"), "1000 a minute")} ms`);
  await change({ requests_per_minute: 1 });
  await untilEach(({ status }) => status === 429, "one a minute");
  for (const number of gateways.keys()) {
    const refused = await call(number);
    assert.match(errorOf(refused).message, /^Too many requests by this group 'Research'/);
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
  }
  const reached = await waitFor(async () => {
    const events = await send("GET", "/api/v1/events?type=group.limit_reached");
    const [newest] = events["data"] as readonly { readonly data: Record<string, unknown> }[];
    return newest?.data;
  });
  assert.deepEqual(
    [reached["subjectId"], reached["name"], reached["of"], reached["limit"]],
    [group["id"], "Research", "requests", 1],
  );
  await change({ requests_per_minute: null, tokens_per_minute: 1 });
  const isOfTokens = (answer: Answer) => answer.status === 429 && errorOf(answer).details?.["unit"] === "tokens";
  await untilEach(isOfTokens, "one token a minute");
  assert.equal(errorOf(await call(0)).details?.["limit_source"], "group");
  await change({ requests_per_minute: 500, tokens_per_minute: null });
  await untilEach(({ status, ...answer }) => status === 200 && told("500")({ status, ...answer }), "500 a minute");
  await send("DELETE", path);
  t.diagnostic(`ended on both gateways after ${await untilEach(told(null), "no limit any more")} ms`);
});
