import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { openTestCluster } from "@lyss/kit/testing/postgres.ts";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Offer } from "../catalog.ts";
import type { Target } from "../model.ts";
import { createRolloutMeter } from "../routing/rollout-counts.ts";
import { createStandings } from "../routing/standing.ts";
import { createTargetHealth } from "../routing/target-health.ts";
import { createTargetOrder } from "../routing/target-order.ts";
import { noteLeft } from "./choice.ts";
import { choiceBody } from "./choice-body.ts";
import { createChoiceLog } from "./choice-log.ts";
import { createChoiceStore } from "./choice-store.ts";

const cluster = await openTestCluster({ after }, [
  { name: "ai-gateway", migrations: new URL("../migrations/", import.meta.url) },
]);
const db = cluster.open("ai-gateway");
const targets = ["a", "b", "c", "d", "e", "f"].map(
  (name) => ({ provider: { providerId: name, name }, model: { name: "m" } }) as unknown as Target,
);
const offer: Offer = { name: "m", targets, routed: undefined };
const [a, b, c, d, e] = targets as [Target, Target, Target, Target, Target];

function start(choiceRetentionHours = 24, originRetentionDays = 2) {
  const clock = createFakeClock();
  const standings = createStandings();
  const health = createTargetHealth(clock);
  const weights = { latency: 1, availability: 1, cost: 1, quality: 1 };
  const random = { bytes: (size: number) => Buffer.alloc(size) } as never;
  const order = createTargetOrder({ weights, standings, priceOf: () => undefined, clock, random });
  const metrics = new Registry();
  const given = { order, health, standings, clock, choiceStore: createChoiceStore(db), metrics };
  return {
    ...{ clock, health, metrics },
    choices: createChoiceLog(
      { choiceRetentionHours, originRetentionDays },
      { ...given, rolloutMeter: createRolloutMeter(), log: pino({ level: "silent" }) },
    ),
  };
}
const named = (callId: string, tenantId = "ten_1") => ({ tenantId, callId });
const ordered = { offer, open: targets.slice(0, 5), targets: [a, b, c, d], takers: [a, b, c], isKept: true };

test("each candidate has its result: what was asked, passed over, out, not reached, not for it, not wanted, not able", async () => {
  const { choices, health } = start();
  health.noteFailure(c, new Failure(aiGatewayFailures.upstream_rate_limited, {}, { retryAfterMs: 9_000 }));
  const choice = choices.begin("ten_1", { ...ordered, open: targets.slice(0, 5) });
  noteLeft(choice, a, new Failure(aiGatewayFailures.upstream_failed, { model: "m" }), true);
  noteLeft(choice, e, new TypeError("a bug"), false);
  choices.end(named("call_1"), choice, [a, b]);
  const atOnce = await choices.find("ten_1", "call_1");
  await choices.flush();
  const kept = await choices.find("ten_1", "call_1");
  assert.deepEqual(kept?.routing, atOnce?.routing);
  const routing = choiceBody.parse(kept?.routing);
  assert.deepEqual(
    routing.candidates.map(({ provider, result, code, place }) => [provider, result, code, place]),
    [
      ["a", "failed", "GATEWAY_007", 1],
      ["b", "served", null, 2],
      ["c", "out", null, 3],
      ["d", "cannot_take", null, 4],
      ["e", "passed_over", "INTERNAL", null],
      ["f", "not_for_call", null, null],
    ],
  );
  assert.deepEqual([routing.strategy, routing.kept_by_conversation], [null, true]);
  assert.equal(routing.candidates[2]?.health?.state, "held");
});

test("another tenant finds nothing, before and after it is written", async () => {
  const { choices } = start();
  choices.end(named("call_2"), choices.begin("ten_1", ordered), [a]);
  assert.equal(await choices.find("ten_2", "call_2"), undefined);
  await choices.flush();
  assert.equal(await choices.find("ten_2", "call_2"), undefined);
  assert.ok(await choices.find("ten_1", "call_2"));
});

test("a thousand calls a second are remembered, of more some are not, and it is counted; time takes them all", async () => {
  const { choices, clock, metrics } = start(1);
  for (let at = 0; at < 1_010; at++) choices.noteCached(named(`call_many_${at}`), BigInt(at));
  await choices.flush();
  assert.deepEqual(await choices.find("ten_1", "call_many_999"), { cacheSavedNanos: "999" });
  assert.equal(await choices.find("ten_1", "call_many_1000"), undefined);
  assert.match(await metrics.metrics(), /lyss_gateway_choices_dropped_total 10\b/);
  clock.advance(3_600_001);
  const forget = choices.jobs.find(({ name }) => name === "forget-choices");
  await forget?.run(new AbortController().signal);
  assert.equal(await choices.find("ten_1", "call_many_999"), undefined);
  const none = start(0).choices;
  none.noteCached(named("call_none"), 1n);
  assert.equal(none.begin("ten_1", ordered), undefined);
  assert.equal(await none.find("ten_1", "call_none"), undefined, "nothing is kept");
});

test("by which route and prompt a call was made is known when all else of it is forgotten, and to its tenant alone, until that is, too", async () => {
  const { choices, clock } = start(1);
  const route = { strategy: "fallback", version: 3, targets: [] };
  const routed = { ...ordered, offer: { ...offer, name: "smart", routed: { route, targets: [] } as never } };
  const choice = choices.begin("ten_1", ordered);
  choices.end(named("call_routed"), choice && { ...choice, offer: routed.offer }, [a], {
    prompt: { name: "greet", version: 2 },
  });
  choices.end(named("call_prompted"), undefined, [a], { prompt: { name: "greet", version: 2 } });
  choices.end(named("call_plain"), choices.begin("ten_1", ordered), [a]);
  const origin = { route: "smart", routeVersion: 3, prompt: "greet", promptVersion: 2 };
  const prompted = { ...origin, route: "", routeVersion: null };
  const forget = async () => {
    await choices.jobs.find(({ name }) => name === "forget-choices")?.run(new AbortController().signal);
  };
  const look = () =>
    Promise.all(["call_routed", "call_prompted", "call_plain"].map((id) => choices.findOrigin("ten_1", id)));
  assert.deepEqual(await look(), [origin, prompted, undefined]);
  await choices.flush();
  assert.deepEqual(await look(), [origin, prompted, undefined]);
  clock.advance(3_600_001);
  await forget();
  assert.equal(await choices.find("ten_1", "call_routed"), undefined);
  assert.deepEqual(await look(), [origin, prompted, undefined]);
  assert.equal(await choices.findOrigin("ten_2", "call_routed"), undefined);
  clock.advance(2 * 86_400_000);
  await forget();
  assert.deepEqual(await look(), [undefined, undefined, undefined]);
});
