import assert from "node:assert/strict";
import { test } from "node:test";
import type { Target } from "../model.ts";
import {
  createStanding,
  createStandings,
  isStale,
  noteAnswered,
  noteBegin,
  noteEnd,
  noteFirstByte,
  noteUnanswered,
} from "./standing.ts";

test("latency and availability are averages, and what is under way is counted", () => {
  const standing = createStanding();
  noteBegin(standing, 0);
  noteBegin(standing, 0);
  assert.equal(standing.inFlight, 2);
  noteFirstByte(standing, 100);
  noteFirstByte(standing, 200);
  assert.equal(standing.firstByteMs, 110);
  noteUnanswered(standing);
  assert.equal(standing.availability, 0.9);
  noteAnswered(standing, 0, 1);
  assert.ok(Math.abs(standing.availability - 0.91) < 1e-9);
  noteEnd(standing);
  noteEnd(standing);
  assert.equal(standing.inFlight, 0);
});

test("throughput is an average over whole calls; those of few tokens say nothing of it", () => {
  const standing = createStanding();
  noteAnswered(standing, 15, 10);
  noteAnswered(standing, 100, 0);
  assert.equal(standing.tokensPerSecond, 0);
  noteAnswered(standing, 100, 1_000);
  noteAnswered(standing, 200, 1_000);
  assert.equal(standing.tokensPerSecond, 110);
  noteBegin(standing, 0);
  noteFirstByte(standing, 5);
  noteBegin(standing, 60_001);
  noteAnswered(standing, 50, 1_000);
  assert.equal(standing.tokensPerSecond, 50, "after a pause what was before says nothing");
});

test("one that nobody tried for a minute is tried again, and what comes then counts wholly", () => {
  const standing = createStanding();
  assert.ok(!isStale(standing, 1_000_000), "what was never tried is new, not stale");
  noteBegin(standing, 0);
  noteFirstByte(standing, 5_000);
  noteUnanswered(standing);
  noteEnd(standing);
  assert.ok(!isStale(standing, 60_000));
  assert.ok(isStale(standing, 60_001));
  noteBegin(standing, 60_001);
  assert.ok(!isStale(standing, 60_001), "one call at a time finds out");
  noteFirstByte(standing, 50);
  noteAnswered(standing, 0, 1);
  assert.deepEqual([standing.firstByteMs, standing.availability], [50, 1]);
  noteFirstByte(standing, 150);
  assert.equal(standing.firstByteMs, 60);
});

test("a standing stays when providers are read again, and is never another tenant's", () => {
  const at = (providerId: string) =>
    ({ provider: { providerId, name: "openai" }, model: { name: "m" } }) as unknown as Target;
  const standings = createStandings();
  const mine = standings.of(at("prv_1"));
  assert.equal(standings.of(at("prv_1")), mine);
  assert.notEqual(standings.of(at("prv_2")), mine);
});
