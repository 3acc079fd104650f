import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import type { Model, Provider, Target } from "../model.ts";
import { createTargetHealth } from "./target-health.ts";

const models = ["m", "n"].map((name) => ({ name }) as Model);
const provider = { providerId: "prv_a", name: "a", tenantId: "", models } as unknown as Provider;
const [target, sibling] = models.map((model) => ({ provider, model })) as [Target, Target];

function start() {
  const clock = createFakeClock();
  const told: string[] = [];
  const health = createTargetHealth(clock, ({ name }, state, status) => void told.push(`${name} ${state} ${status}`));
  return { clock, health, told };
}

function refusal(status: number, code = "") {
  return toUpstreamFailure({ model: "m", status, body: { error: { code } }, retryAfterMs: undefined });
}

test("W38: the owner of an account hears once that it refuses our key, and once that it is let in again", () => {
  const { clock, health, told } = start();
  for (let n = 0; n < 3; n++) {
    health.noteFailure(target, refusal(401));
    clock.advance(600_000);
  }
  assert.deepEqual(told, ["a parked 401"]);
  assert.ok(health.isOut(provider), "its time has passed, but nobody has seen it well");
  health.noteAnswer(sibling);
  assert.deepEqual(told, ["a parked 401", "a well 0"]);
  assert.ok(!health.isOut(provider));
  health.noteAnswer(sibling);
  assert.equal(told.length, 2);
});

test("an answer that was under way when its account was parked does not let it in", () => {
  const { health, told } = start();
  health.noteFailure(target, refusal(403));
  health.noteAnswer(sibling);
  assert.deepEqual([told, health.isWell(target)], [["a parked 403"], false]);
});

test("a probe lets a key in that is taken again, but not an account without money: a list shows none", () => {
  const { health, told } = start();
  health.noteFailure(target, refusal(401));
  health.noteProbe(provider, { kind: "unknown" });
  assert.ok(!health.isWell(target));
  health.noteProbe(provider, { kind: "answered" });
  assert.deepEqual([told.at(-1), health.isWell(target)], ["a well 0", true]);

  for (const [status, code] of [
    [402, ""],
    [429, "insufficient_quota"],
  ] as const) {
    const { health: poor, told: said } = start();
    const failure = refusal(status, code);
    assert.equal(failure.type, aiGatewayFailures.upstream_unauthorized);
    poor.noteFailure(target, failure);
    poor.noteProbe(provider, { kind: "answered" });
    assert.deepEqual([said, poor.isWell(target)], [[`a parked ${status}`], false]);
  }
});

test("R1: an account that nobody calls is out after three probes in a row that nobody answered, and in with the first that is", () => {
  const { clock, health, told } = start();
  const failed = { kind: "failed" } as const;
  health.noteProbe(provider, failed);
  health.noteProbe(provider, failed);
  health.noteProbe(provider, { kind: "answered" });
  health.noteProbe(provider, failed);
  health.noteProbe(provider, failed);
  assert.deepEqual([told, health.isWell(target)], [[], true]);
  health.noteProbe(provider, failed);
  assert.deepEqual([told, health.isWell(target), health.find(sibling)?.reason], [["a ejected 0"], false, "ejected"]);
  clock.advance(30_000);
  health.noteProbe(provider, failed);
  assert.ok(!health.isWell(target), "still out");
  health.noteProbe(provider, { kind: "answered" });
  assert.deepEqual([told.at(-1), health.isWell(target)], ["a well 0", true]);
});

test("a probe that is refused keeps an account out whose key a call was refused with, and parks no other: a key may not be for lists", () => {
  const { clock, health, told } = start();
  health.noteProbe(provider, { kind: "refused" });
  assert.deepEqual([told, health.isWell(target)], [[], true]);
  health.noteFailure(target, refusal(401));
  clock.advance(59_000);
  health.noteProbe(provider, { kind: "refused" });
  clock.advance(59_000);
  assert.deepEqual([told, health.isWell(target)], [["a parked 401"], false]);
});

test("what another node has found counts here, and is said to nobody again", () => {
  const { clock, health, told } = start();
  health.follow("prv_a", "parked", 401);
  assert.deepEqual([health.isWell(target), health.find(target)?.reason], [false, "parked"]);
  health.follow("prv_a", "well", 0);
  assert.ok(health.isWell(target));
  health.follow("prv_a", "parked", 401);
  clock.advance(60_000);
  health.noteAnswer(target);
  assert.deepEqual(told, ["a well 0"], "the first that sees it well says so");
  health.follow("prv_a", "parked", 402);
  health.letIn(provider);
  assert.deepEqual([told.at(-1), health.isWell(target)], ["a well 0", true]);
});
