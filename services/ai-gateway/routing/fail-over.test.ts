import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { aiGatewayConfig } from "../config.ts";
import type { Target } from "../model.ts";
import { takersOf } from "./bound-request.ts";
import { createFailOver } from "./fail-over.ts";
import { createStandings } from "./standing.ts";
import { createTargetHealth } from "./target-health.ts";

const { upstream_failed, upstream_rate_limited, upstream_unauthorized, upstream_rejected } = aiGatewayFailures;
const failed = new Failure(upstream_failed, { model: "m" });

function targetAt(name: string, model = "m", baseUrl = `https://${name}.test/v1`): Target {
  return {
    provider: { providerId: name, name, baseUrl, dialect: "openai" },
    model: { name: model },
  } as unknown as Target;
}

function start(settings: { maxAttempts?: number; budgetRatio?: number; budgetReserve?: number } = {}) {
  const clock = createFakeClock();
  const health = createTargetHealth(clock);
  const failOver = createFailOver(
    { ...aiGatewayConfig.aiGateway.parse({}).failOver, ...settings },
    { clock, health, standings: createStandings() },
  );
  return { clock, health, failOver };
}

const [a, b, c] = ["a", "b", "c"].map((name) => targetAt(name)) as [Target, Target, Target];

test("R1: one that fails five times in a row is tried last for 30 s, then for 60 s, and then first again", () => {
  const { clock, health, failOver } = start();
  for (let n = 0; n < 5; n++) {
    assert.equal(failOver.first([a, b]), a);
    assert.equal(failOver.next(failed, { tried: [a], targets: [a, b], attempts: 1 }), b);
    failOver.giveBack();
    failOver.noteAnswer(b);
  }
  assert.equal(failOver.first([a, b]), b);
  assert.deepEqual(health.find(a)?.reason, "ejected");
  clock.advance(30_000);
  assert.equal(failOver.first([a, b]), a);
  failOver.next(failed, { tried: [a], targets: [a, b], attempts: 1 });
  clock.advance(30_000);
  assert.equal(failOver.first([a, b]), b);
  clock.advance(30_000);
  assert.equal(failOver.first([a, b]), a);
  failOver.noteAnswer(a);
  failOver.next(failed, { tried: [a], targets: [a, b], attempts: 1 });
  assert.equal(failOver.first([a, b]), a, "one that has answered may fail again");
});

test("R1: of five accounts, one that always fails costs no caller an error", () => {
  const { clock, failOver } = start();
  const accounts = [a, b, c, targetAt("d"), targetAt("e")];
  let errors = 0;
  let atA = 0;
  for (let n = 0; n < 10_000; n++) {
    clock.advance(10);
    failOver.noteCall();
    const first = failOver.first(accounts);
    if (first !== a) continue;
    atA++;
    const next = failOver.next(failed, { tried: [a], targets: accounts, attempts: 1 });
    if (!next) errors++;
    else {
      failOver.giveBack();
      failOver.noteAnswer(next);
    }
  }
  assert.equal(errors, 0);
  assert.ok(atA <= 10, `${atA}`);
});

test("R2: while all fail at 500 calls a second, attempts are at most 1.2 for each call, and three", () => {
  const { clock, failOver } = start();
  let attempts = 0;
  for (let calls = 1; calls <= 150_000; calls++) {
    clock.advance(2);
    failOver.noteCall();
    const tried = [failOver.first([a, b, c]) ?? a];
    attempts++;
    for (let next = failOver.next(failed, { tried, targets: [a, b, c], attempts: 1 }); next; ) {
      tried.push(next);
      attempts++;
      next = failOver.next(failed, { tried, targets: [a, b, c], attempts: tried.length });
    }
    assert.ok(attempts <= 1.2 * calls + 3, `${attempts} after ${calls}`);
  }
});

test("R2: an attempt that is answered can be taken again at once: few calls lose nothing while their first target is away", () => {
  const { failOver } = start({ budgetRatio: 0 });
  const goOn = () => failOver.next(failed, { tried: [a], targets: [a, b], attempts: 1 });
  for (let n = 0; n < 100; n++) {
    assert.equal(goOn(), b);
    failOver.giveBack();
  }
  assert.deepEqual([goOn(), goOn(), goOn(), goOn()], [b, b, b, undefined], "three at a time");
});

test("R9: one that asks to wait is left alone for as long as it says, and no longer", () => {
  const { clock, health, failOver } = start();
  const busy = new Failure(upstream_rate_limited, { model: "m" }, { retryAfterMs: 7_000 });
  assert.equal(failOver.next(busy, { tried: [a], targets: [a, b], attempts: 1 }), b);
  clock.advance(6_999);
  assert.deepEqual([failOver.first([a, b]), health.find(a)?.reason], [b, "held"]);
  clock.advance(1);
  assert.equal(failOver.first([a, b]), a);
});

test("W38: an account that refuses our key is parked with all of its models; another account is not", () => {
  const { clock, health, failOver } = start();
  const refused = new Failure(upstream_unauthorized, { model: "m" });
  failOver.next(refused, { tried: [a], targets: [a, b], attempts: 1 });
  assert.deepEqual([health.isWell(targetAt("a", "other")), health.isWell(b)], [false, true]);
  clock.advance(60_000);
  assert.ok(health.isWell(a));
  failOver.next(refused, { tried: [a], targets: [a, b], attempts: 1 });
  clock.advance(60_000);
  assert.ok(!health.isWell(a), "twice as long the second time");
});

test("where all are out, they are tried all the same, in their order", () => {
  const { failOver } = start();
  const refused = new Failure(upstream_unauthorized, { model: "m" });
  for (const target of [a, b]) failOver.next(refused, { tried: [target], targets: [a, b], attempts: 1 });
  assert.equal(failOver.first([a, b]), a);
  assert.equal(failOver.first([a]), a);
  assert.equal(failOver.first([]), undefined);
});

test("W37: a request that is refused is not sent again, and says nothing of its target", () => {
  const { health, failOver } = start();
  const rejected = new Failure(upstream_rejected, { reason: "x", reason_zh_CN: "x", param: "" });
  for (let n = 0; n < 10; n++) {
    assert.equal(failOver.next(rejected, { tried: [a], targets: [a, b], attempts: 1 }), undefined);
  }
  assert.ok(health.isWell(a));
  assert.equal(failOver.next(new Error("a bug"), { tried: [a], targets: [a, b], attempts: 1 }), undefined);
});

test("what an open breaker keeps away takes nothing of the budget; a call has an end", () => {
  const { failOver } = start({ budgetReserve: 0, budgetRatio: 0 });
  const open = new Failure(resilienceFailures.circuit_open, { policy: "provider.a" });
  assert.equal(failOver.next(open, { tried: [a], targets: [a, b], attempts: 1 }), b);
  assert.equal(failOver.next(failed, { tried: [a], targets: [a, b], attempts: 1 }), undefined);
  assert.equal(failOver.next(open, { tried: [a, b, c], targets: [a, b, c], attempts: 1 }), undefined);
  assert.equal(failOver.next(open, { tried: [a], targets: [a, b], attempts: 3 }), undefined);
});

test("an attempt beside another goes to one that is well, within the budget of attempts and the end of the call", () => {
  const { failOver, health } = start({ budgetRatio: 0, budgetReserve: 2 });
  const at = { tried: [a], targets: [a, b, c], attempts: 1 };
  health.noteFailure(b, new Failure(upstream_rate_limited, { model: "m" }, { retryAfterMs: 5_000 }));
  assert.equal(failOver.beside(at), c, "one that is out is asked by nobody who has another under way");
  assert.equal(failOver.beside({ ...at, attempts: 3 }), undefined);
  assert.equal(failOver.beside({ ...at, tried: [a, c] }), undefined);
  assert.equal(failOver.beside(at), c);
  assert.equal(failOver.beside(at), undefined, "the budget is spent");
});

test("W23: signed and sealed thoughts go to no other vendor who would read them", () => {
  const sibling = targetAt("a2", "m", "https://a.test/v1");
  const other = targetAt("c");
  const translated = { ...other, provider: { ...other.provider, dialect: "anthropic" } } as Target;
  const all = [a, b, sibling, translated];
  assert.deepEqual(takersOf(Buffer.from('{"messages":[]}'), all), all);
  assert.deepEqual(takersOf(Buffer.from('{"thought_signature":"x"}'), all), [a, sibling]);
  for (const mark of [
    '"signature":"x"',
    '"type":"redacted_thinking"',
    '"thoughtSignature":"x"',
    '"encrypted_content":""',
  ]) {
    assert.deepEqual(takersOf(Buffer.from(`{${mark}}`), all), [a, sibling, translated]);
  }
});
