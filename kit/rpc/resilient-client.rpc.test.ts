import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { connectEcho, type EchoClient, type EchoPeer, startEchoPeer } from "../testing/echo-peers.ts";
import { createFakeClock } from "../testing/fake-clock.ts";

const isUnavailable = (err: unknown) => isFailure(err, kitFailures.unavailable);

async function startPeers(count: number): Promise<EchoPeer[]> {
  return Promise.all(Array.from({ length: count }, () => startEchoPeer()));
}

async function killAll(peers: readonly EchoPeer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer.kill()));
}

/** Makes calls, so many at a time, and gives the number of those that failed. `at` runs work before the n-th call. */
async function load(
  { echo }: EchoClient,
  calls: number,
  concurrency: number,
  at: Readonly<Record<number, () => Promise<unknown>>> = {},
): Promise<number> {
  let begun = 0;
  let errors = 0;
  const pending: Promise<unknown>[] = [];
  const work = async () => {
    while (begun < calls) {
      const text = String(begun++);
      const step = at[begun];
      if (step) pending.push(step());
      await echo.say({ text }).then(
        (answer) => assert.equal(answer.text, text),
        () => errors++,
      );
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  await Promise.all(pending);
  return errors;
}

async function readMetric({ metrics }: EchoClient, name: string): Promise<number[]> {
  const metric = await metrics.getSingleMetric(name)?.get();
  return (metric?.values ?? []).map(({ value }) => value);
}

test("R1: of five endpoints one always fails: out after five failures, back after 30 s × n, at most 1 % errors", async () => {
  const clock = createFakeClock();
  const peers = await startPeers(4);
  const broken = await startEchoPeer(0, {
    say: () => {
      throw new Error("always");
    },
  });
  const urls = [...peers, broken].map(({ url }) => url);
  using client = connectEcho(urls, { balancer: "round_robin", slowStartMs: 1 }, clock);

  let errors = await load(client, 500, 4);
  assert.equal(broken.calls(), 5);
  clock.advance(29_999);
  errors += await load(client, 100, 4);
  assert.equal(broken.calls(), 5, "still out just before 30 s");
  clock.advance(2);
  errors += await load(client, 500, 4);
  assert.equal(broken.calls(), 10, "tried again after 30 s, and out again");
  clock.advance(59_999);
  errors += await load(client, 100, 4);
  assert.equal(broken.calls(), 10, "the second time it stays out for 60 s");
  clock.advance(2);
  errors += await load(client, 500, 4);
  assert.equal(broken.calls(), 15, "and then gets another chance");
  assert.ok(errors / 1_700 <= 0.01, `${errors} errors`);
  assert.deepEqual(await readMetric(client, "rpc_client_ejections_total"), [0, 0, 0, 0, 3]);
  await killAll([...peers, broken]);
});

test("with power of two choices a failing endpoint is hardly tried at all", async () => {
  const peers = await startPeers(2);
  const broken = await startEchoPeer(0, {
    say: () => {
      throw new Error("always");
    },
  });
  using client = connectEcho([...peers, broken].map(({ url }) => url).join(","));
  const errors = await load(client, 500, 8);
  // Five failures put it out; of eight callers seven more may be on their way to it by then.
  assert.ok(errors <= 5 + 7, `${errors} errors`);
  await killAll([...peers, broken]);
});

test("an instance killed under load and started again costs at most 1 % of the calls", async () => {
  const peers = await startPeers(3);
  const [victim] = peers;
  assert.ok(victim);
  using client = connectEcho(
    peers.map(({ url }) => url),
    { slowStartMs: 1 },
  );
  let back: EchoPeer | undefined;
  const errors = await load(client, 3_000, 16, {
    1000: () => victim.kill(),
    1500: async () => {
      back = await startEchoPeer(victim.port);
    },
  });
  assert.ok(errors <= 15, `${errors} errors`);
  assert.ok(victim.calls() > 0 && back !== undefined);
  await killAll([...peers, ...(back ? [back] : [])]);
});

test("instances that stop and start in the ordinary way, one after the other, cost no call", async () => {
  const peers = await startPeers(3);
  const again: Promise<EchoPeer>[] = [];
  using client = connectEcho(peers.map(({ url }) => url));
  const restarts = peers.map((peer, index) => {
    const restart = async () => {
      await peer.stop();
      again.push(startEchoPeer(peer.port));
    };
    return [200 * (index + 1), restart] as const;
  });
  const errors = await load(client, 1_000, 8, Object.fromEntries(restarts));
  assert.equal(errors, 0);
  await killAll(await Promise.all(again));
});

test("the only instance is found again when it is back on its port", async () => {
  const first = await startEchoPeer();
  using client = connectEcho(first.url);
  await client.echo.say({});
  await first.kill();
  // Each of its two connections has to find out.
  for (let i = 0; i < 2; i++) await assert.rejects(client.echo.say({}), isUnavailable);
  await using _second = await startEchoPeer(first.port);
  assert.equal((await client.echo.say({ text: "back" })).text, "back");
});

test("a call that had begun is never made again: its caller alone knows whether that is safe", async () => {
  const begun = Promise.withResolvers<void>();
  const never = new Promise<never>(() => {});
  let calls = 0;
  const say = () => {
    calls++;
    begun.resolve();
    return never;
  };
  const peers = [await startEchoPeer(0, { say }), await startEchoPeer(0, { say })];
  using client = connectEcho(peers.map(({ url }) => url));
  const said = client.echo.say({});
  await Promise.all([assert.rejects(said, isUnavailable), begun.promise.then(() => killAll(peers))]);
  assert.equal(calls, 1);
  assert.deepEqual(await readMetric(client, "rpc_client_reoffers_total"), [0]);
});

test("a call that found nobody is offered to another endpoint, once each, streams too", async () => {
  const gone = await startPeers(2);
  await killAll(gone);
  const alive = await startEchoPeer(0, {
    async *repeat({ text }) {
      yield { text };
    },
    async collect(requests) {
      return { texts: (await Array.fromAsync(requests)).map(({ text }) => text) };
    },
  });
  using client = connectEcho(
    [...gone, alive].map(({ url }) => url),
    { balancer: "round_robin" },
  );
  for (let i = 0; i < 3; i++) assert.equal((await client.echo.say({ text: "found" })).text, "found");
  const repeated = await Array.fromAsync(client.echo.repeat({ text: "streamed" }));
  assert.deepEqual(
    repeated.map(({ text }) => text),
    ["streamed"],
  );
  const collected = await client.echo.collect(
    (async function* () {
      yield { text: "a" };
      yield { text: "b" };
    })(),
  );
  assert.deepEqual(collected.texts, ["a", "b"]);
  assert.ok((await readMetric(client, "rpc_client_reoffers_total")).some((reoffers) => reoffers > 0));
  await alive.kill();
});

test("connections that reach their age hand over under load without an error, and streams on them go on", async () => {
  const clock = createFakeClock();
  const next = Promise.withResolvers<void>();
  const peer = await startEchoPeer(0, {
    async *repeat({ text }) {
      yield { text };
      await next.promise;
      yield { text };
    },
  });
  const channels = { minChannels: 2, maxChannels: 8, callsPerChannel: 100, maxAgeMs: 1_000 };
  using client = connectEcho(peer.url, { channels }, clock);
  const stream = client.echo.repeat({ text: "long" }, { timeoutMs: 0 })[Symbol.asyncIterator]();
  await stream.next();
  const steps = [100, 200, 300].map((call) => [call, async () => clock.advance(1_000)] as const);
  assert.equal(await load(client, 500, 8, Object.fromEntries(steps)), 0);
  const [handovers = 0] = await readMetric(client, "rpc_client_channel_handovers_total");
  assert.ok(handovers >= 6, `${handovers}`);
  next.resolve();
  assert.equal((await stream.next()).value?.text, "long");
  assert.equal((await stream.next()).done, true);
  assert.deepEqual(await readMetric(client, "rpc_client_in_flight"), [0]);
  assert.deepEqual(await readMetric(client, "rpc_client_channels"), [2]);
  await peer.kill();
});

test("a stream left early is counted out, and says nothing against its endpoint", async () => {
  await using peer = await startEchoPeer(0, {
    async *repeat({ text }) {
      yield { text };
      await new Promise<never>(() => {});
    },
  });
  using client = connectEcho(peer.url);
  for (let i = 0; i < 10; i++) {
    const leaving = new AbortController();
    await assert.rejects(async () => {
      for await (const _ of client.echo.repeat({}, { signal: leaving.signal })) leaving.abort();
    });
  }
  assert.deepEqual(await readMetric(client, "rpc_client_in_flight"), [0]);
  assert.deepEqual(await readMetric(client, "rpc_client_failures_total"), [0]);
});
