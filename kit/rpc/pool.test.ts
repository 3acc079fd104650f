import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../discovery/endpoint.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import type { PeerConnection } from "./grpc-transport.ts";
import { createPool, type PoolOptions } from "./pool.ts";
import type { PoolEndpoint } from "./pool-endpoint.ts";
import { seededDraw } from "./testdata/seeded-draw.ts";

const rounds = 10_000;

/** A pool whose connections are only counted: what is looked at is who gets the calls. */
function poolOf(endpoints: readonly Endpoint[], options: PoolOptions = {}) {
  const clock = createFakeClock();
  const open = new Set<object>();
  const opened: string[] = [];
  const connect = (url: string): PeerConnection => {
    const connection = { transport: undefined as never, close: () => void open.delete(connection) };
    open.add(connection);
    opened.push(url);
    return connection;
  };
  const pool = createPool({ balancer: "random", ...options }, { connect, clock, draw: seededDraw(11) });
  pool.setEndpoints(endpoints);
  const share = (url: string) => {
    let picked = 0;
    for (let i = 0; i < rounds; i++) if (pool.pick()?.url === url) picked++;
    return picked / rounds;
  };
  const endpoint = (url: string): PoolEndpoint => {
    const found = pool.list().find((listed) => listed.url === url);
    assert.ok(found);
    return found;
  };
  const fail = (url: string, times: number) => {
    for (let i = 0; i < times; i++) endpoint(url).begin().end("failure");
  };
  return { pool, clock, open, opened, share, endpoint, fail };
}

const a = { url: "http://a:1" };
const b = { url: "http://b:1" };
const c = { url: "http://c:1" };

test("an endpoint that appears later gets a tenth of a share at first and its full one after 30 s", () => {
  const { pool, clock, share } = poolOf([a, b]);
  assert.ok(Math.abs(share(a.url) - 0.5) < 0.02, "those that are there from the start need no warming up");
  pool.setEndpoints([a, b, c]);
  const first = share(c.url);
  assert.ok(first > 0.02 && first < 0.06, `${first}`);
  clock.advance(15_000);
  const half = share(c.url);
  assert.ok(half > 0.14 && half < 0.26, `${half}`);
  clock.advance(15_000);
  assert.ok(Math.abs(share(c.url) - 1 / 3) < 0.02);
});

test("an ejected endpoint gets nothing, comes back after 30 s, and warms up again", () => {
  const { clock, share, fail } = poolOf([a, b]);
  fail(a.url, 5);
  assert.equal(share(a.url), 0);
  clock.advance(30_000);
  const first = share(a.url);
  assert.ok(first > 0.02 && first < 0.08, `${first}`);
  clock.advance(30_000);
  assert.ok(Math.abs(share(a.url) - 0.5) < 0.02);
});

test("the own zone is preferred, until fewer than half of its endpoints are well", () => {
  const near = [1, 2, 3, 4].map((port) => ({ url: `http://near:${port}`, zone: "east" }));
  const far = [1, 2, 3, 4].map((port) => ({ url: `http://far:${port}`, zone: "west" }));
  const { pool, fail } = poolOf([...near, ...far], { zone: "east" });
  const zones = () => new Set(Array.from({ length: 200 }, () => pool.pick()?.zone));
  for (const [index, { url }] of near.entries()) {
    assert.deepEqual(zones(), new Set(["east"]), `${index} ejected`);
    if (index < 2) fail(url, 5);
  }
  fail("http://near:3", 5);
  assert.deepEqual(zones(), new Set(["east", "west"]));
});

test("a zone without endpoints changes nothing", () => {
  const { share } = poolOf([a, b], { zone: "nowhere" });
  assert.ok(Math.abs(share(a.url) - 0.5) < 0.02);
});

test("an empty list changes nothing: the last good endpoints stay", () => {
  const { pool } = poolOf([a, b]);
  pool.setEndpoints([]);
  assert.deepEqual(
    pool.list().map(({ url }) => url),
    [a.url, b.url],
  );
});

test("two channels are kept, more are opened up to eight as calls pile up, and calls go to the emptiest", () => {
  const channels = { minChannels: 2, maxChannels: 8, callsPerChannel: 10, maxAgeMs: 1_800_000 };
  const { endpoint, opened } = poolOf([a], { channels });
  const calls = Array.from({ length: 20 }, () => endpoint(a.url).begin());
  assert.equal(opened.length, 2);
  calls.push(endpoint(a.url).begin());
  assert.equal(opened.length, 3);
  for (let i = 0; i < 200; i++) calls.push(endpoint(a.url).begin());
  assert.equal(opened.length, 8);
  const perChannel = new Map<PeerConnection, number>();
  for (const { connection } of calls) perChannel.set(connection, (perChannel.get(connection) ?? 0) + 1);
  assert.ok(Math.max(...perChannel.values()) - Math.min(...perChannel.values()) <= 1);
});

test("a channel over 30 min old gets no more calls and closes with its last one; which minute is left to chance", () => {
  const { clock, endpoint, open } = poolOf([a]);
  const long = endpoint(a.url).begin();
  const short = endpoint(a.url).begin();
  short.end("success");
  clock.advance(1_620_000 - 1);
  endpoint(a.url).begin().end("success");
  assert.equal(endpoint(a.url).channels.handovers, 0, "not before 90 % of the age");
  clock.advance(180_001);
  const next = endpoint(a.url).begin();
  assert.equal(endpoint(a.url).channels.handovers, 2);
  assert.ok(next.connection !== long.connection && next.connection !== short.connection);
  assert.deepEqual(open, new Set([long.connection, next.connection]));
  long.end("success");
  assert.deepEqual(open, new Set([next.connection]));
});

test("an endpoint that leaves keeps the calls that are under way, and closes with the last of them", () => {
  const { pool, endpoint, open } = poolOf([a, b]);
  const call = endpoint(a.url).begin();
  pool.setEndpoints([b]);
  assert.equal(open.size, 1);
  call.end("success");
  call.end("failure");
  assert.equal(open.size, 0);
});

test("an endpoint that fails fast is not taken for a fast one", () => {
  const { clock, endpoint, share } = poolOf([a, b], { balancer: "power_of_two" });
  const good = endpoint(a.url).begin();
  clock.advance(50);
  good.end("success");
  endpoint(b.url).begin().end("failure");
  assert.equal(share(b.url), 0);
});
