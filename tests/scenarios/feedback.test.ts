import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { promptSchema } from "@lyss/services/ai-gateway/prompts/prompt.ts";
import { routeSchema } from "@lyss/services/ai-gateway/routing/route.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { batchTerms, startBatchWorld } from "./batch-world.ts";

const apiKey = "a-key";
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
after(() => simulator.stop());
const models = ["old", "new"] as const;
const world = await startBatchWorld(
  { after },
  {
    aiGateway: { simulator: false },
    providers: models.map((name) => ({
      ...{ name, baseUrl: `${simulator.url}/v1`, apiKey },
      models: [{ name, upstreamName: "simulated-chat" }],
    })),
  },
);
const { service } = world;

async function startTenant() {
  const prices = models.map((model) => ({ provider: model, model, terms: batchTerms }));
  return world.createTenant(1_000_000_000_000n, prices);
}

async function send(key: string, method: string, path: string, body?: object) {
  const answer = await fetch(world.server.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, json: JSON.parse(await answer.text()) };
}

/** Gives the call's id, once it is charged. */
async function call(key: string, body: object): Promise<string> {
  const chat = { messages: [{ role: "user", content: "Hi. simulate.tokens=3" }], max_tokens: 20, ...body };
  const { status, headers, json } = await send(key, "POST", "/v1/chat/completions", chat);
  assert.equal(status, 200, JSON.stringify(json));
  const id = headers.get("lyss-call-id") ?? "";
  for (let looks = 0; looks < 2_000; looks++) {
    const used = await world.usageOf(key.split("/")[0] ?? "");
    if (used.some(({ callId }) => callId === id)) return id;
  }
  return assert.fail("the call is not charged");
}

const give = (key: string, id: string, body: object) => send(key, "POST", `/v1/requests/${id}/feedback`, body);

test("an experiment's arms, a route's versions and a prompt's versions are compared by the scores of their calls", async () => {
  const tenantId = await startTenant();
  const targets = models.map((model) => ({ provider: model, model, weight: 1 }));
  const putRoute = () =>
    service.ops.putRoute({
      ...{ tenantId, expectedVersion: undefined },
      ...routeSchema.parse({ name: "answers", strategy: "experiment", targets }),
    });
  const putPrompt = (content: string) => {
    const spec = promptSchema.parse({ messages: [{ role: "system", content }], model: "answers" });
    return service.ops.putPrompt({ tenantId, name: "brief", spec, expectedVersion: undefined });
  };
  await putRoute();
  await putPrompt("Be brief.");
  const given = new Map<string, number[]>();
  for (let person = 0; person < 12; person++) {
    if (person === 6) await putRoute();
    if (person === 9) await putPrompt("Be very brief.");
    const key = `${tenantId}/usr_${person}`;
    const id = await call(key, { prompt: { id: "brief" } });
    const score = (person * 7) % 5;
    const { status, json } = await give(key, id, { name: "quality", value: score });
    assert.equal(status, 200, JSON.stringify(json));
    const [route, prompt] = [person < 6 ? 1 : 2, person < 9 ? 1 : 2];
    assert.deepEqual(
      [json.route, json.route_version, json.prompt, json.prompt_version],
      ["answers", route, "brief", prompt],
    );
    assert.ok(models.includes(json.model), json.model);
    for (const group of [`arm ${route} ${json.model}`, `route ${route}`, `prompt ${prompt}`, `model ${json.model}`]) {
      given.set(group, [...(given.get(group) ?? []), score]);
    }
    await give(key, id, { name: "tone", value: person % 3 === 0 ? "warm" : "cold" });
    await give(key, id, { name: "helpful", value: person % 4 === 0 });
  }
  const sumsBy = async (by: "model" | "route" | "prompt" | "arm", name: string) =>
    service.ops.sumFeedback({ tenantId, actorId: undefined, by, name });
  const seen = new Map<string, readonly [number, number]>();
  for (const by of ["arm", "route", "prompt", "model"] as const) {
    for (const { count, average, routeVersion, promptVersion, model } of await sumsBy(by, "quality")) {
      const parts = { arm: `${routeVersion} ${model}`, route: routeVersion, prompt: promptVersion, model };
      seen.set(`${by} ${parts[by]}`, [count, average ?? Number.NaN]);
    }
  }
  const expected = [...given].map(([of, scores]) => {
    return [of, [scores.length, scores.reduce((sum, score) => sum + score, 0) / scores.length]] as const;
  });
  assert.deepEqual(new Map([...seen].toSorted()), new Map(expected.toSorted()));
  assert.deepEqual((await sumsBy("route", "tone"))[0]?.labels, { cold: 4, warm: 2 });
  const [helpful] = await service.ops.sumFeedback({
    tenantId,
    actorId: undefined,
    by: "prompt",
    name: "helpful",
    prompt: "brief",
  });
  assert.deepEqual([helpful?.kind, helpful?.count, helpful?.average], ["boolean", 9, 3 / 9]);
});

test("a score is its caller's, once by a name and author: said again it changes nothing, said otherwise it takes its place", async () => {
  const tenantId = await startTenant();
  const key = `${tenantId}/usr_a`;
  const id = await call(key, { model: "old" });
  const said = { name: "helpful", value: true, comment: "Yes." };
  const [first, again] = [await give(key, id, said), await give(key, id, said)];
  assert.deepEqual(again.json, first.json);
  const other = await give(key, id, { ...said, value: false });
  assert.deepEqual([other.json.id, other.json.value, other.json.model], [first.json.id, false, "old"]);
  const ofAnother = await give(key, id, { ...said, author: "customer-7" });
  assert.notEqual(ofAnother.json.id, first.json.id);
  const events = (await service.listEvents()).filter(({ type, key: of }) => type === "feedback.changed" && of === id);
  assert.equal(events.length, 3, "what changes nothing is not told");

  // Neither another tenant's, nor another person's call exists for them.
  for (const stranger of ["ten_other/usr_a", `${tenantId}/usr_b`]) {
    assert.equal((await give(stranger, id, said)).status, 404);
    assert.equal((await send(stranger, "GET", `/v1/requests/${id}/feedback`)).status, 404);
    assert.equal((await send(stranger, "DELETE", `/v1/requests/${id}/feedback/helpful`)).status, 404);
  }
  for (const value of [null, "", "x".repeat(101), {}, Number.MAX_VALUE * 10]) {
    assert.equal((await give(key, id, { name: "helpful", value })).status, 400, String(value));
  }
  assert.equal((await give(key, id, { name: "Helpful", value: 1 })).status, 400);
  assert.equal((await give(key, "call_none", said)).status, 404);

  const page = (await send(key, "GET", "/api/v1/ai/feedback?limit=1&name=helpful")).json;
  const next = (await send(key, "GET", `/api/v1/ai/feedback?limit=1&cursor=${page.next_cursor}`)).json;
  assert.deepEqual([page.data[0].author, next.data[0].author, next.next_cursor], ["customer-7", "", null]);
  const sums = (await send(key, "GET", "/api/v1/ai/feedback/summary")).json;
  assert.deepEqual([sums.data[0].count, sums.data[0].average, sums.data[0].route], [2, 0.5, null]);

  assert.equal((await send(key, "DELETE", `/v1/requests/${id}/feedback/helpful`)).status, 200);
  const exported = await service.db.transaction((tx) =>
    service.ops.exportPerson(tx, { tenantId, userId: "usr_a" } as never),
  );
  assert.deepEqual(
    exported.feedback.map(({ author, value }) => [author, value]),
    [["customer-7", true]],
  );
  await service.db.transaction((tx) => service.ops.forgetPerson(tx, { tenantId, userId: "usr_a" } as never));
  assert.deepEqual((await send(key, "GET", `/v1/requests/${id}/feedback`)).json.data, []);
});
