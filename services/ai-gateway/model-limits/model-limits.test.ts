import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { type Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { createSharedCounts, tellEveryMs, unsharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import { createCountHub } from "@lyss/kit/testing/count-hub.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { Registry } from "prom-client";
import type { Target } from "../model.ts";
import { createCountWindow } from "./count-window.ts";
import { toLimitHeaders } from "./limit-headers.ts";
import { type ModelLimit, modelLimitSchema } from "./model-limit.ts";
import { createModelLimits } from "./model-limits.ts";

const targetOf = (provider: string, model: string, tenantId = "") =>
  ({ provider: { name: provider, tenantId }, model: { name: model } }) as unknown as Target;
const caller = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1" };
const other = { tenantId: "ten_2", userId: "usr_2", keyId: "key_2" };
const limit = (spec: object): ModelLimit => ({
  ...modelLimitSchema.parse({ name: "l", ...spec }),
  ...{ source: "config", version: 1, updatedAt: new Date(0) },
});

function start(specs: readonly object[], processes = 1, clock = createFakeClock(), sharedCounts = unsharedCounts) {
  const metrics = new Registry();
  const limits = createModelLimits({ clock, metrics, sharedCounts });
  limits.update(specs.map(limit), processes);
  const refusal = (target: Target, who = caller, tokens = 0): Failure => {
    try {
      limits.enter(target, who, tokens);
    } catch (err) {
      assert.ok(isFailure(err, aiGatewayFailures.model_limited));
      return err;
    }
    throw new Error("it was let in");
  };
  return { clock, metrics, limits, refusal };
}

const gpt = targetOf("openai", "gpt");

test("a window never forgets what was counted within it, and the wait it tells is enough", () => {
  const seed = randomInt(1_000_000_000);
  let state = seed;
  const draw = (n: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % n;
  };
  const windowMs = 60_000;
  const window = createCountWindow(windowMs);
  const added: { readonly atMs: number; readonly count: number }[] = [];
  let nowMs = 0;
  for (let n = 0; n < 3_000; n++) {
    nowMs += draw(draw(5) === 0 ? 40_000 : 900);
    const count = draw(20);
    window.add(count, nowMs);
    added.push({ atMs: nowMs, count });
    const within = (pastMs: number) =>
      added.reduce((sum, one) => (one.atMs > nowMs - pastMs ? sum + one.count : sum), 0);
    const sum = window.sum(nowMs);
    assert.ok(sum >= within(windowMs), `seed ${seed}`);
    assert.ok(sum <= within(windowMs + windowMs / 12), `seed ${seed}`);
    const most = draw(60);
    const waitMs = window.waitMs(most, nowMs);
    assert.ok(waitMs <= windowMs + windowMs / 12, `seed ${seed}`);
    if (draw(10) === 0) {
      nowMs += waitMs;
      assert.ok(window.sum(nowMs) <= most, `seed ${seed}`);
    }
  }
});

test("requests of a minute are counted for an account, over its models, and the wait is the one that works", () => {
  const { clock, limits, refusal } = start([{ provider: "openai", requestsPerMinute: 2 }]);
  limits.enter(gpt, caller, 0)?.end(0);
  clock.advance(10_000);
  limits.enter(targetOf("openai", "mini"), other, 0)?.end(0);
  assert.equal(limits.hasRoom(gpt, caller, 0), false);
  assert.equal(limits.enter(targetOf("azure", "gpt"), caller, 0), undefined, "no limit of its own");
  assert.equal(limits.enter(targetOf("openai", "gpt", "ten_1"), caller, 0), undefined, "a tenant's own account");
  const { retryAfterMs = 0, details } = refusal(gpt);
  assert.equal(details["of"], "requests");
  assert.ok(retryAfterMs > 50_000 - 1 && retryAfterMs <= 55_000, String(retryAfterMs));
  clock.advance(retryAfterMs - 1);
  assert.equal(limits.hasRoom(gpt, caller, 0), false);
  clock.advance(1);
  assert.ok(limits.enter(gpt, caller, 0));
});

test("tokens count as expected while a call runs, and as used when it has ended", () => {
  const { clock, limits, refusal } = start([{ model: "gpt", tokensPerMinute: 1_000 }]);
  const first = limits.enter(gpt, caller, 700);
  assert.equal(refusal(gpt, other, 400).details["of"], "tokens");
  const second = limits.enter(gpt, other, 300);
  first?.end(200);
  assert.ok(limits.hasRoom(gpt, caller, 500));
  assert.equal(limits.hasRoom(gpt, caller, 501), false);
  second?.cancel();
  assert.ok(limits.hasRoom(gpt, caller, 800));
  clock.advance(65_000);
  const large = limits.enter(gpt, caller, 5_000);
  assert.ok(large, "one that asks for more than there ever is goes alone");
  assert.equal(limits.hasRoom(gpt, other, 1), false);
  large.end(10);
  // A second end changes nothing.
  large.end(10_000);
  assert.ok(limits.hasRoom(gpt, other, 900));
});

test("attempts under way and their cost are limited, and a place comes back once", () => {
  const { clock, limits, refusal } = start([
    { name: "at-once", provider: "openai", maxConcurrent: 1 },
    { name: "cost", model: "gpt", costUsd: "0.001", costWindowMs: 600_000 },
  ]);
  const place = limits.enter(gpt, caller, 0);
  assert.equal(refusal(gpt).details["of"], "concurrent");
  place?.end(5);
  place?.cancel();
  limits.enter(gpt, caller, 0)?.cancel();
  assert.deepEqual(limits.useOf("at-once")?.inFlight, 0);
  place?.spend(999_999n);
  assert.ok(limits.hasRoom(gpt, caller, 0));
  place?.spend(1n);
  const { details, retryAfterMs = 0 } = refusal(gpt);
  assert.equal(details["of"], "cost");
  assert.equal(limits.useOf("cost")?.costNanos, 1_000_000n);
  clock.advance(retryAfterMs);
  assert.ok(limits.hasRoom(gpt, caller, 0));
});

test("from all limits or from none; each process keeps to its share", async () => {
  const { limits, refusal, metrics } = start(
    [
      { name: "a", provider: "openai", requestsPerMinute: 100 },
      { name: "b", model: "gpt", requestsPerMinute: 5 },
    ],
    4,
  );
  limits.enter(gpt, caller, 0);
  refusal(gpt);
  assert.equal(limits.useOf("a")?.requests, 1);
  assert.match(await metrics.metrics(), /llm_limit_refusals_total\{limit="b",of="requests"\} 1/);
});

test("a changed limit counts from nothing, an unchanged one goes on, and those under way hurt neither", () => {
  const { limits } = start([{ name: "a", provider: "openai", requestsPerMinute: 1 }]);
  const a = limit({ name: "a", provider: "openai", requestsPerMinute: 1 });
  const place = limits.enter(gpt, caller, 0);
  limits.update([a], 1);
  assert.equal(limits.hasRoom(gpt, caller, 0), false);
  limits.update([{ ...a, version: 2 }], 1);
  assert.ok(limits.hasRoom(gpt, caller, 0));
  place?.end(1);
  assert.equal(limits.useOf("a")?.inFlight, 0);
  limits.update([], 1);
  assert.equal(limits.enter(gpt, caller, 0), undefined);
});

test("W42: callers are told of their own limits alone, in the words of their SDK, and never of an account's", () => {
  const { clock, limits } = start([
    { name: "account", provider: "openai", requestsPerMinute: 1_000, tokensPerMinute: 50 },
    { name: "mine", model: "gpt", per: "key", requestsPerMinute: 10 },
    { name: "theirs", model: "gpt", per: "tenant", requestsPerMinute: 20, tokensPerMinute: 900 },
  ]);
  assert.equal(limits.tell(targetOf("openai", "mini"), caller), undefined);
  limits.enter(gpt, caller, 30);
  const told = limits.tell(gpt, caller);
  assert.ok(told);
  assert.deepEqual(
    [told.requests?.limit, told.requests?.remaining, told.tokens?.limit, told.tokens?.remaining],
    [10, 9, 900, 870],
  );
  const openAi = toLimitHeaders(told, "openai", clock);
  assert.equal(openAi["x-ratelimit-remaining-requests"], "9");
  assert.match(openAi["x-ratelimit-reset-requests"] ?? "", /^\d+s$/);
  const anthropic = toLimitHeaders(told, "anthropic", clock);
  assert.equal(anthropic["anthropic-ratelimit-tokens-remaining"], "870");
  assert.ok(Date.parse(anthropic["anthropic-ratelimit-requests-reset"] ?? "") > clock.nowMs());
  assert.deepEqual(limits.tell(gpt, other)?.requests?.remaining, 10, "each for itself");
});

test("processes that share a port count attempts, tokens, money and what is under way together", () => {
  const clock = createFakeClock();
  const hub = createCountHub();
  const spec = { model: "gpt", per: "key", requestsPerMinute: 4, tokensPerMinute: 100, maxConcurrent: 2, costUsd: "1" };
  const [here, there] = ["a", "b"].map((name) =>
    start([spec], 1, clock, createSharedCounts({ link: hub.join(name), clock })),
  );
  assert.ok(here && there);
  const hear = () => clock.advance(tellEveryMs);
  const first = here.limits.enter(gpt, caller, 60);
  const second = here.limits.enter(gpt, caller, 0);
  hear();
  assert.equal(there.refusal(gpt).details["of"], "concurrent");
  assert.equal(there.limits.hasRoom(gpt, other, 0), true, "another key has its own");
  second?.cancel();
  hear();
  assert.equal(there.refusal(gpt, caller, 50).details["of"], "tokens");
  assert.deepEqual(
    [there.limits.tell(gpt, caller)?.requests?.remaining, there.limits.tell(gpt, caller)?.tokens?.remaining],
    [3, 40],
  );
  first?.end(30);
  first?.spend(1_000_000_000n);
  hear();
  assert.equal(there.limits.tell(gpt, caller)?.tokens?.remaining, 70);
  assert.equal(there.refusal(gpt).details["of"], "cost");
});

test("a session is one of what is under way and no request; what is asked within it is a request and nothing besides", () => {
  const { limits, refusal } = start([{ provider: "openai", maxConcurrent: 1, requestsPerMinute: 2 }]);
  const session = limits.enter(gpt, caller, 0, "session");
  assert.equal(refusal(gpt).details["of"], "concurrent");
  limits.enter(gpt, caller, 0, "within_session")?.end(10);
  const use = limits.useOf("l");
  assert.deepEqual([use?.inFlight, use?.requests, use?.tokens], [1, 1, 10]);
  limits.enter(gpt, caller, 0, "within_session")?.end(0);
  assert.throws(
    () => limits.enter(gpt, caller, 0, "within_session"),
    (err) => isFailure(err, aiGatewayFailures.model_limited) && err.details["of"] === "requests",
  );
  session?.cancel();
  session?.cancel();
  assert.deepEqual([limits.useOf("l")?.inFlight, limits.useOf("l")?.requests], [0, 2]);
});

test("each attempt that a limit is in the way of is heard of, refused or sent elsewhere, with what it counts", () => {
  const met: unknown[] = [];
  const limits = createModelLimits({
    ...{ clock: createFakeClock(), metrics: new Registry(), sharedCounts: unsharedCounts },
    onReached: ({ name }, of, { keyId }) => met.push([name, of, keyId]),
  });
  limits.update([limit({ model: "gpt", maxConcurrent: 1 })], 1);
  limits.enter(gpt, caller, 0);
  assert.deepEqual(met, []);
  assert.equal(limits.hasRoom(gpt, caller, 0), false);
  assert.throws(() => limits.enter(gpt, other, 0));
  assert.deepEqual(met, [
    ["l", "concurrent", "key_1"],
    ["l", "concurrent", "key_2"],
  ]);
});
