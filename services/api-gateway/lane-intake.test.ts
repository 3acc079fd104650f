import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { KeyLimitsSchema } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { testGuard } from "@lyss/kit/http/http-test-server.ts";
import { type HotExchange, type Route, type RoutePermission, routesFor } from "@lyss/kit/http/route.ts";
import { type EdgeOptions, type HoldOps, startEdge } from "./edge-test-server.ts";
import { type KeyRules, toKeyRules } from "./key-rules.ts";

// One guard and one intake on both ways: each test runs with the lane and without it, and the answers have to be the same.

const { raw } = routesFor<HoldOps>();
const text = "content-type: text/plain\r\n";

function routesOf(isHot: boolean) {
  const answerIn = (path: string, permission: RoutePermission, method: "POST" | "GET" = "POST") =>
    raw({
      ...{ method, path, operation: path.slice(1), summary: "Answers.", bodyLimitBytes: 1_024, permission },
      async handle(_ops, { res, body }) {
        res.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
      },
      ...(isHot && {
        serveHot(_ops: never, exchange: HotExchange) {
          exchange.enter(
            () => exchange.answer(200, text, exchange.facts.body),
            () => {},
          );
          return true;
        },
      }),
    });
  return [
    answerIn("/echo", "things:read"),
    answerIn("/forbidden", "other:read"),
    answerIn("/who", "caller", "GET"),
    raw({
      ...{ method: "POST", path: "/stream", operation: "stream", summary: "Answers late.", bodyLimitBytes: 1_024 },
      permission: "things:read",
      async handle(ops, { res }) {
        res.writeHead(200);
        res.flushHeaders();
        await ops.hold();
        res.end("done");
      },
      ...(isHot && {
        serveHot(ops: HoldOps, exchange: HotExchange) {
          exchange.enter(
            () => {
              exchange.begin(200, "");
              void ops.hold().then(() => exchange.end(Buffer.from("done")));
            },
            () => {},
          );
          return true;
        },
      }),
    }),
  ];
}

async function open(t: TestContext, isHot: boolean, options: EdgeOptions = {}) {
  const edge = await startEdge(t, routesOf(isHot) as readonly Route<never>[], options);
  const { server } = edge;
  assert.equal(server.handler.hot.targets.length, isHot ? 4 : 0);
  return {
    ...edge,
    async ask(path: string, token = "reader", headers: Record<string, string> = {}) {
      const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
      const sent = path === "/who" ? {} : { method: "POST", body: "{}" };
      const answer = await fetch(server.url + path, { ...sent, headers: { ...authorization, ...headers } });
      const told = Object.fromEntries([...answer.headers].filter(([name]) => !["date", "x-request-id"].includes(name)));
      return { answer, status: answer.status, told };
    },
  };
}

/** The same work with the lane and without it; what it gives must be the same. */
function both(name: string, work: (t: TestContext, isHot: boolean) => Promise<unknown>): void {
  test(`S7: with the lane and without it: ${name}`, async (t) => {
    const [hot, ordinary] = [await work(t, true), await work(t, false)];
    assert.deepEqual(hot, ordinary);
  });
}

const bodyOf = async (answer: Response) =>
  (await answer.text()).replace(/"trace_id":"[0-9a-f]+"/, "").replaceAll(/req_[0-9a-z]+/g, "");

both("limits of a key are told, refused beyond, and given back", async (t, isHot) => {
  const { ask, clock } = await open(t, isHot, { rateLimits: { perKey: { limit: 2, windowMs: 10_000 } } });
  const seen: unknown[] = [];
  for (const wait of [0, 0, 0, 5_000, 0]) {
    clock.advance(wait);
    const { status, told, answer } = await ask("/echo", "reader", { "accept-language": "zh-CN" });
    seen.push([status, told, await bodyOf(answer)]);
  }
  assert.deepEqual(
    seen.map((each) => (each as unknown[])[0]),
    [200, 200, 429, 200, 429],
  );
  return seen;
});

both("what has no body passes the same intake, and its limits are told", async (t, isHot) => {
  const { ask } = await open(t, isHot, { rateLimits: { perKey: { limit: 2, windowMs: 10_000 } } });
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const { status, told, answer } = await ask("/who");
    seen.push([status, told, await bodyOf(answer)]);
  }
  assert.deepEqual(
    seen.map((each) => (each as unknown[])[0]),
    [200, 200, 429],
  );
  return seen;
});

both("limits in Redis are waited for", async (t, isHot) => {
  const redis = { run: () => Promise.reject(new Error("connection lost")) };
  const { ask, limits } = await open(t, isHot, { rateLimits: { perKey: { limit: 4 }, processes: 2 }, redis });
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await ask("/echo")).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
  return limits.countRefused("key");
});

/** What the key of every caller is held to. */
function held(limits: MessageInitShape<typeof KeyLimitsSchema>) {
  const rules = toKeyRules(create(KeyLimitsSchema, limits));
  return { rulesOf: () => rules };
}

both(
  "a key's own limit is told and held beside those of the platform, and nothing is counted twice",
  async (t, isHot) => {
    const { ask, clock, limits } = await open(t, isHot, {
      ...held({ requestsPerMinute: 2 }),
      rateLimits: { perTenant: { limit: 100 } },
    });
    const seen: unknown[] = [];
    for (const wait of [0, 0, 0, 30_000, 0]) {
      clock.advance(wait);
      const { status, told, answer } = await ask("/echo", "reader", { "accept-language": "zh-CN" });
      seen.push([status, told, await bodyOf(answer)]);
    }
    assert.deepEqual(
      seen.map((each) => (each as unknown[])[0]),
      [200, 200, 429, 200, 429],
    );
    const [, told] = seen[2] as [number, Record<string, string>];
    const { "x-ratelimit-limit": limit, "x-ratelimit-remaining": remaining, "retry-after": retryAfter } = told;
    assert.deepEqual([limit, remaining, retryAfter], ["2", "0", "30"]);
    assert.match(String(told["ratelimit-policy"]), /^"key-own";q=2;w=60, "tenant";q=100;w=60$/);
    return [seen, limits.countRefused("key"), limits.countRefused("tenant")];
  },
);

both("a key's own limit is counted in Redis, and by share while that is away", async (t, isHot) => {
  const redis = { run: () => Promise.reject(new Error("connection lost")) };
  const options = { ...held({ requestsPerMinute: 4 }), rateLimits: { processes: 2 }, redis };
  const { ask } = await open(t, isHot, options);
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await ask("/echo")).status);
  assert.deepEqual(statuses, [200, 200, 429, 429]);
  return statuses;
});

both("no more of a key's requests are under way than it may have, and each place is given back", async (t, isHot) => {
  const { ask, release, concurrency, countHeld } = await open(t, isHot, held({ maxConcurrentRequests: 3 }));
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask("/stream")));
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 200, 200, ...Array(7).fill(429)]);
  assert.equal(countHeld(), 3);
  const refused = answers.find(({ status }) => status === 429);
  assert.equal(refused?.told["retry-after"], "1");
  assert.match(await (refused?.answer.text() ?? ""), /"code":"RES_008"/);
  const leaving = answers.find(({ status }) => status === 200);
  await leaving?.answer.body?.cancel();
  while (concurrency.countUnderWay("key_1") > 2) await new Promise(setImmediate);
  const next = await ask("/echo");
  assert.deepEqual([next.status, next.told["x-ratelimit-remaining-concurrent"]], [200, "0"]);
  assert.equal((await ask("/forbidden")).status, 403, "one that ends takes a place no longer");
  release();
  await Promise.all(answers.map(({ answer }) => answer.text().catch(() => "")));
  while (concurrency.countUnderWay("key_1") > 0) await new Promise(setImmediate);
  return [statuses, concurrency.countRefused()];
});

both(
  "a key is used from its addresses and web pages alone, whatever a head says of addresses, and a refusal costs nothing",
  async (t, isHot) => {
    const rules = [
      toKeyRules(create(KeyLimitsSchema, { allowedIps: ["203.0.113.0/24"], requestsPerMinute: 1 })),
      toKeyRules(create(KeyLimitsSchema, { allowedIps: ["127.0.0.0/8", "::1"] })),
      toKeyRules(create(KeyLimitsSchema, { allowedOrigins: ["https://app.example.com"] })),
    ];
    let current: KeyRules | undefined;
    const { ask, shedder } = await open(t, isHot, { rulesOf: () => current });
    const seen: unknown[] = [];
    for (const [index, origin] of [
      [0, undefined],
      [0, undefined],
      [1, undefined],
      [2, undefined],
      [2, "https://app.example.com"],
      [2, "https://app.example.com.evil.example"],
      [2, "null"],
    ] as const) {
      current = rules[index];
      const { status, answer } = await ask("/echo", "reader", {
        ...(origin && { origin }),
        "accept-language": "zh-CN",
      });
      seen.push([status, await bodyOf(answer)]);
    }
    assert.deepEqual(
      seen.map((each) => (each as unknown[])[0]),
      [403, 403, 200, 403, 200, 403, 403],
    );
    current = rules[0];
    for (const name of [
      "x-forwarded-for",
      "x-real-ip",
      "x-client-ip",
      "true-client-ip",
      "cf-connecting-ip",
      "forwarded",
    ]) {
      const { status } = await ask("/echo", "reader", { [name]: `${name === "forwarded" ? "for=" : ""}203.0.113.7` });
      assert.equal(status, 403, name);
    }
    assert.match(String(seen[0]), /AUTH_033.*127\.0\.0\.1/);
    assert.match(String(seen[3]), /AUTH_034/);
    assert.equal(shedder.stats().inFlight, 0);
    return seen;
  },
);

both(
  "W38: nobody is let in without a credential, while it cannot be looked up, with a wrong one, or without the permission",
  async (t, isHot) => {
    const { ask } = await open(t, isHot, { rateLimits: { perAddress: { limit: 3 }, perKey: { limit: 2 } } });
    const seen: unknown[] = [];
    for (const [path, token] of [
      ["/echo", ""],
      ["/echo", "wrong"],
      ["/echo", "outage"],
      ["/echo", ""],
      ["/echo", ""],
      ["/forbidden", "reader"],
      ["/who", "wrong"],
      ["/echo", "reader"],
      ["/who", "reader"],
    ] as const) {
      const { status, answer } = await ask(path, token);
      seen.push([status, await bodyOf(answer)]);
    }
    assert.deepEqual(
      seen.map((each) => (each as unknown[])[0]),
      [401, 401, 503, 401, 429, 403, 429, 200, 429],
    );
    return seen;
  },
);

both("two credentials that differ are none", async (t, isHot) => {
  const { ask } = await open(t, isHot, {
    guard({ headers }) {
      assert.equal(headers["x-api-key"], "other");
      return testGuard({ headers: { authorization: "Bearer wrong" } });
    },
  });
  return (await ask("/echo", "reader", { "x-api-key": "other" })).status;
});

both("priorities are read, and what is wrong with one is said", async (t, isHot) => {
  const { ask, release, shedder } = await open(t, isHot, { maxInFlight: 10 });
  const wrong = await ask("/echo", "reader", { "x-lyss-priority": "urgent" });
  const held = await Promise.all(
    Array.from({ length: 30 }, () => ask("/stream", "reader", { "x-lyss-priority": "batch" })),
  );
  const urgent = await ask("/stream");
  const statuses = held.map(({ status }) => status).sort();
  assert.equal(statuses.filter((status) => status === 503).length, 21);
  const { byPriority } = shedder.stats();
  release();
  await Promise.all([...held, urgent].map(({ answer }) => answer.text()));
  while (shedder.stats().inFlight > 0) await new Promise(setImmediate);
  return [wrong.status, await bodyOf(wrong.answer), statuses, urgent.status, byPriority];
});

both("a degraded platform says so", async (t, isHot) => {
  const { ask, degradation } = await open(t, isHot);
  degradation.watch(() => "reduced");
  const { told, answer } = await ask("/echo");
  return [told, await answer.text()];
});

both("who leaves gives the place back", async (t, isHot) => {
  const { ask, shedder, release } = await open(t, isHot);
  const { answer } = await ask("/stream");
  assert.equal(shedder.stats().inFlight, 1);
  await answer.body?.cancel();
  while (shedder.stats().inFlight > 0) await new Promise(setImmediate);
  release();
});

both(
  "B18: who leaves while a key is looked up takes no place and reaches no handler, and its limit counts it",
  async (t, isHot) => {
    const asked = Promise.withResolvers<void>();
    const known = Promise.withResolvers<void>();
    const { ask, shedder, limits, countHeld, server } = await open(t, isHot, {
      rateLimits: { perKey: { limit: 1, windowMs: 60_000 } },
      async guard(req) {
        asked.resolve();
        await known.promise;
        return testGuard(req);
      },
    });
    const connected = once(server.listener.server, "connection");
    const client = connect(server.port, "127.0.0.1", () =>
      client.write("POST /stream HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer all\r\nContent-Length: 2\r\n\r\n{}"),
    );
    await asked.promise;
    const [socket] = (await connected) as [Socket];
    const gone = once(socket, "close");
    client.destroy();
    await gone;
    known.resolve();
    assert.equal((await ask("/stream", "all")).status, 429);
    return [shedder.stats().inFlight, countHeld(), limits.countRefused("key")];
  },
);
