import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@connectrpc/connect";
import { Registry } from "prom-client";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { resilienceFailures } from "../resilience/resilience-failures.ts";
import { systemClock } from "../service/clock.ts";
import { createTransports } from "../service/transports.ts";
import { echoToken, startEchoPeer } from "../testing/echo-peers.ts";
import { EchoService } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";

const unavailable = () => new Failure(kitFailures.unavailable, { service: "echo" });

/** A client of the echo service through the policy that `policies` names for it. */
function connect(url: string, policies: Parameters<typeof createTransports>[0]["policies"]) {
  const metrics = new Registry();
  const transports = createTransports({
    peers: { echo: url },
    peerToken: echoToken,
    clock: systemClock,
    metrics,
    policies,
  });
  return { transports, metrics, transport: transports.to("echo") };
}

const quick = { echo: { retry: { baseDelayMs: 1, maxDelayMs: 1 } } };

test("only what the contract calls repeatable is made again, and each attempt tells its number", async () => {
  const attempts: (string | null)[] = [];
  await using peer = await startEchoPeer(0, {
    say(_request, { requestHeader }) {
      attempts.push(requestHeader.get("x-retry-attempt"));
      if (attempts.length < 3) throw unavailable();
      return { text: "third" };
    },
  });
  const { transports, transport } = connect(peer.url, quick);
  const echo = createClient(EchoService, transport);
  await assert.rejects(echo.say({}), (err) => isFailure(err, kitFailures.unavailable));
  assert.deepEqual(attempts, ["0"]);

  attempts.length = 0;
  const idempotent = { ...EchoService.method.say, idempotency: 2 as const };
  const { message } = await transport.unary(idempotent, undefined, undefined, undefined, {}, undefined as never);
  assert.deepEqual([attempts, (message as { text: string }).text], [["0", "1", "2"], "third"]);
  transports.close();
});

test("the call's time limit holds for all its attempts together, and a caller that leaves is told so", async () => {
  await using peer = await startEchoPeer(0, { say: () => new Promise<never>(() => {}) });
  const { transports, transport } = connect(peer.url, quick);
  const echo = createClient(EchoService, transport);
  await assert.rejects(echo.say({}, { timeoutMs: 40 }), (err) => isFailure(err, kitFailures.deadline_exceeded));
  const leaving = new AbortController();
  const left = echo.say({}, { signal: leaving.signal });
  leaving.abort();
  await assert.rejects(left, (err) => isFailure(err, kitFailures.canceled));
  transports.close();
});

test("a peer that fails is left alone by the breaker of its target; one that is away is not held against it", async () => {
  const failing = await startEchoPeer(0, {
    say: () => {
      throw unavailable();
    },
  });
  const breaker = { trip: { kind: "consecutive", maxFailures: 5 }, openMs: 60_000, maxOpenMs: 60_000 } as const;
  const { transports, transport, metrics } = connect(failing.url, { echo: { breaker } });
  const echo = createClient(EchoService, transport);
  for (let i = 0; i < 5; i++) await assert.rejects(echo.say({}), (err) => isFailure(err, kitFailures.unavailable));
  await assert.rejects(echo.say({}), (err) => isFailure(err, resilienceFailures.circuit_open));
  assert.equal(failing.calls(), 5);
  assert.match(await metrics.metrics(), /rpc_policy_breaker_state\{policy="echo",state="open"\} 1/);
  transports.close();
  await failing.kill();

  const away = connect(failing.url, { echo: { breaker } });
  const gone = createClient(EchoService, away.transport);
  for (let i = 0; i < 8; i++) await assert.rejects(gone.say({}), (err) => isFailure(err, kitFailures.unavailable));
  await using back = await startEchoPeer(failing.port);
  assert.equal((await gone.say({ text: "back" })).text, "back");
  assert.equal(back.calls(), 1);
  away.transports.close();
});
