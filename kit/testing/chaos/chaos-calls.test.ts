import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { isFailure } from "../../errors/failure.ts";
import { kitFailures } from "../../errors/kit-failures.ts";
import { systemClock } from "../../service/clock.ts";
import { createTransports } from "../../service/transports.ts";
import { echoToken, startEchoPeer } from "../echo-peers.ts";
import { createFakeClock } from "../fake-clock.ts";
import { EchoService } from "../gen/lyss/kit/testing/v1/echo_pb.js";
import { createChaosCalls } from "./chaos-calls.ts";
import { killAgainAndAgain } from "./chaos-killer.ts";
import { withSeed } from "./chaos-seed.ts";

const rates = { error: 0.2, lost_answer: 0.2, duplicate: 0.2 };

test("each call has the fate that its number and the seed draw, and its effect is what that fate says", async () => {
  const run = async (seed: number) => {
    const calls = createChaosCalls({ seed, clock: createFakeClock(), rates });
    let effects = 0;
    const act = calls.wrap(async (n: number) => {
      effects++;
      return n;
    });
    const fates: string[] = [];
    for (let n = 0; n < 200; n++) {
      const before = effects;
      const end = await act(n).then(
        (result) => assert.equal(result, n) ?? "answered",
        (err) => isFailure(err, kitFailures.unavailable) && "failed",
      );
      fates.push(`${end} ${effects - before}`);
    }
    return { fates, counts: calls.counts };
  };
  const first = await run(5);
  const count = (fate: string) => first.fates.filter((one) => one === fate).length;
  const { counts } = first;
  assert.deepEqual(
    [count("answered 1"), count("failed 0"), count("failed 1"), count("answered 2")],
    [counts.none, counts.error, counts.lost_answer, counts.duplicate],
  );
  assert.ok(Math.min(counts.none, counts.error, counts.lost_answer, counts.duplicate) > 20, JSON.stringify(counts));
  assert.deepEqual(await run(5), first);
  assert.notDeepEqual(await run(6), first);
});

test("a late call is made when its time has come", async () => {
  const clock = createFakeClock();
  const calls = createChaosCalls({ seed: 1, clock, rates: { delay: 1 }, maxDelayMs: 50 });
  let isMade = false;
  const made = calls.wrap(async () => {
    isMade = true;
  })();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isMade, false);
  clock.advance(50);
  await made;
  assert.ok(isMade);
});

test("an RPC client over a wrapped transport meets the faults, and its server what became of the calls", async () => {
  await using peer = await startEchoPeer();
  const transports = createTransports({ peers: { echo: peer.url }, peerToken: echoToken, clock: systemClock });
  const calls = createChaosCalls({ seed: 3, clock: systemClock, rates });
  const echo = createClient(EchoService, calls.wrapTransport(transports.to("echo")));
  const ends = await Promise.allSettled(Array.from({ length: 100 }, () => echo.say({ text: "x" })));
  const { none, error, lost_answer, duplicate } = calls.counts;
  assert.equal(peer.calls(), none + lost_answer + 2 * duplicate);
  assert.equal(ends.filter(({ status }) => status === "rejected").length, error + lost_answer);
  transports.close();
});

test("rates that are no shares are refused", () => {
  for (const wrong of [{ error: 0.6, delay: 0.6 }, { error: -0.1 }, { error: Number.NaN }]) {
    assert.throws(() => createChaosCalls({ seed: 1, clock: systemClock, rates: wrong }), RangeError);
  }
});

test("a program is killed at the moments that the seed draws, and one that ends by itself is told", async () => {
  const kill = (seed: number, script = "setInterval(() => {}, 1_000)") => {
    const start = () => spawn(process.execPath, ["-e", script], { stdio: "ignore" });
    return killAgainAndAgain({ seed, clock: systemClock, start, kills: 3, minMs: 1, maxMs: 20 });
  };
  const moments = await kill(4);
  assert.ok(moments.length === 3 && moments.every((ms) => ms >= 1 && ms <= 20));
  assert.deepEqual(await kill(4), moments);
  const start = async () => {
    const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
    await new Promise((resolve) => child.once("exit", resolve));
    return child;
  };
  const options = { seed: 1, clock: systemClock, start, kills: 1, minMs: 1, maxMs: 1 };
  await assert.rejects(killAgainAndAgain(options), /had ended by itself: 0/);
});

test("what fails under a seed says the seed", async () => {
  await assert.rejects(
    withSeed(42, async (seed) => assert.fail(`drew ${seed}`)),
    /^AssertionError.*: seed 42 \(CHAOS_SEED=42 replays it\): drew 42/,
  );
  assert.equal(await withSeed(42, async (seed) => seed + 1), 43);
});
