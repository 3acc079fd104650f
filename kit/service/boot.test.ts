import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { ServiceImpl } from "@connectrpc/connect";
import { pino } from "pino";
import { Registry } from "prom-client";
import { z } from "zod";
import { Secret } from "../config/secret.ts";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { currentContext } from "../rpc/call-context.ts";
import { EchoService } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { openRpc } from "../testing/open-rpc.ts";
import { boot } from "./boot.ts";
import { bootFailures } from "./boot-failures.ts";
import { systemClock } from "./clock.ts";
import { type AnyService, defineService, type RunningService, type ServiceDeps } from "./define-service.ts";
import { createRandom } from "./ids.ts";
import type { BootOptions, Program } from "./program.ts";

type Echo = typeof EchoService;
type Deps = ServiceDeps<Record<string, Echo>, Record<string, z.ZodType>>;

const contracts = new Map<string, Echo>();

/** A contract of the service's own, for a process serves each only once. */
function contractOf(name: string): Echo {
  const known = contracts.get(name);
  if (known) return known;
  const contract = { ...EchoService, typeName: `test.${name}` };
  const methods = EchoService.methods.map((method) => ({ ...method, parent: contract }));
  const method = Object.fromEntries(methods.map((one) => [one.localName, one]));
  contracts.set(name, Object.assign(contract, { methods, method }) as unknown as Echo);
  return contractOf(name);
}

/** A service whose `say` is given, and otherwise answers with its own name. */
function echo(
  name: string,
  needs: readonly string[] = [],
  start: (
    deps: Deps,
  ) => Partial<Omit<RunningService<Echo, unknown>, "rpc">> & { say?: ServiceImpl<Echo>["say"] } = () => ({}),
  more: Partial<AnyService> = {},
) {
  return defineService({
    name,
    contract: contractOf(name),
    needs: Object.fromEntries(needs.map((need) => [need, contractOf(need)])),
    publishes: [],
    hears: [],
    config: {} as Record<string, z.ZodType>,
    routes: [],
    async start(deps: Deps) {
      const { say = () => ({ text: name }), ...running } = start(deps);
      return { ops: `${name}'s operations`, rpc: openRpc(contractOf(name), { say }), ...running };
    },
    ...more,
  });
}

function bootTest(services: readonly AnyService[], more: Partial<BootOptions> = {}): Promise<Program> {
  return boot({
    services,
    dataDir: tmpdir(),
    config: {},
    clock: systemClock,
    random: createRandom(systemClock),
    log: pino({ enabled: false }),
    metrics: new Registry(),
    deriveKey: (purpose) => Buffer.from(purpose),
    peerToken: new Secret("the peers' token"),
    ...more,
  });
}

const clientOf = (program: Program, name: string) => program.client({ name, contract: contractOf(name) });

const anywhere = { host: "127.0.0.1", port: 0 };

test("services start after what they need, and stop in reverse: drain, background, services; what outlasts the drain is cut in their order", async () => {
  const happened: string[] = [];
  const noting = (name: string, needs: readonly string[] = []) =>
    echo(name, needs, () => {
      happened.push(`start ${name}`);
      return {
        jobs: [
          {
            name: "watch",
            everyMs: 1,
            run: (signal) =>
              new Promise<void>((resolve) =>
                signal.addEventListener("abort", () => resolve(void happened.push(`end job of ${name}`))),
              ),
          },
        ],
        serve: async () => void happened.push(`serve ${name}`),
        drain: async () => void happened.push(`drain ${name}`),
        cut: async () => void happened.push(`cut ${name}`),
        stop: async () => void happened.push(`stop ${name}`),
      };
    });
  const program = await bootTest([noting("c", ["b"]), noting("b", ["a"]), noting("a")]);
  assert.deepEqual(program.hosted, ["a", "b", "c"]);
  await Promise.all([program.stop(), program.stop()]);
  assert.deepEqual(happened, [
    ...["start a", "start b", "start c", "serve a", "serve b", "serve c"],
    ...["drain c", "drain b", "drain a"],
    ...["cut a", "cut b", "cut c"],
    ...["end job of a", "end job of b", "end job of c"],
    ...["stop c", "stop b", "stop a"],
  ]);
});

test("a start that fails names its service, and stops what had started", async () => {
  const happened: string[] = [];
  const first = echo("first", [], () => ({ stop: async () => void happened.push("stop first") }));
  const second = echo("second", ["first"], () => {
    throw new Error("no key ring");
  });
  const third = echo("third", ["second"], () => ({ stop: async () => void happened.push("stop third") }));
  await assert.rejects(bootTest([first, second, third], { peerListen: anywhere }), (err) => {
    assert.ok(isFailure(err, bootFailures.start_failed));
    assert.equal(err.message, "second could not start.");
    assert.match(String(err.cause), /no key ring/);
    return true;
  });
  assert.deepEqual(happened, ["stop first"]);
});

test("everything that is missing is named at once, before anything starts", async () => {
  let hasStarted = false;
  const user = echo(
    "user",
    ["auth"],
    () => {
      hasStarted = true;
      return {};
    },
    { config: { http: z.string() }, migrations: new URL("file:///nowhere/") },
  );
  await assert.rejects(bootTest([user, echo("auth")], { run: ["user"] }), (err) => {
    assert.ok(err instanceof AggregateError);
    assert.deepEqual(
      err.errors.map(({ type }) => type.code),
      ["boot.unreachable_need", "boot.missing_config", "boot.missing_database"],
    );
    assert.match(err.message, /^auth is needed by user but is neither in --run nor in peers\./);
    return true;
  });
  assert.equal(hasStarted, false);
});

test("a peer that does not come is named with its address", async () => {
  const services = [echo("user", ["auth"]), echo("auth")];
  const peers = { auth: "http://127.0.0.1:1" };
  await assert.rejects(bootTest(services, { run: ["user"], peers, bootTimeoutMs: 50 }), (err) => {
    assert.ok(isFailure(err, bootFailures.peer_missing));
    assert.match(err.message, /^auth did not serve at http:\/\/127\.0\.0\.1:1 within \d+ ms: connect ECONNREFUSED/);
    return true;
  });
});

test("a peer with another token is no peer", async () => {
  const services = [echo("user", ["auth"]), echo("auth")];
  const other = await bootTest(services, { run: ["auth"], peerListen: anywhere, peerToken: new Secret("another") });
  const peers = { auth: other.peerUrl ?? "" };
  await assert.rejects(bootTest(services, { run: ["user"], peers, bootTimeoutMs: 50 }), (err) => {
    assert.ok(isFailure(err, bootFailures.peer_missing));
    assert.match(err.message, /the peers' token is missing or wrong$/);
    return true;
  });
  await other.stop();
});

test("boot can be given up while it waits", async () => {
  const services = [echo("user", ["auth"]), echo("auth")];
  const giveUp = new AbortController();
  const booting = bootTest(services, { run: ["user"], peers: { auth: "http://127.0.0.1:1" }, signal: giveUp.signal });
  giveUp.abort(new Error("SIGTERM"));
  await assert.rejects(booting, /SIGTERM/);
});

/** An address that is free just now, for a process that must be known before it starts. */
async function reserveUrl(): Promise<string> {
  const program = await bootTest([], { peerListen: anywhere });
  await program.stop();
  return program.peerUrl ?? "";
}

const listenAt = (url: string) => ({ host: "127.0.0.1", port: Number(new URL(url).port) });

test("two processes that need services of each other both come up", async () => {
  const services = [
    echo("a", ["b"], ({ clients }) => ({ say: async () => ({ text: `a${(await clients.b?.say({}))?.text}` }) })),
    echo("b", ["c"], ({ clients }) => ({ say: async () => ({ text: `b${(await clients.c?.say({}))?.text}` }) })),
    echo("c"),
  ];
  const [left, right] = [await reserveUrl(), await reserveUrl()];
  const programs = await Promise.all([
    bootTest(services, { run: ["a", "c"], peers: { b: right }, peerListen: listenAt(left) }),
    bootTest(services, { run: ["b"], peers: { c: left, a: left }, peerListen: listenAt(right) }),
  ]);
  assert.equal((await clientOf(programs[1], "a").say({})).text, "abc");
  await Promise.all(programs.map((program) => program.stop()));
});

test("a deadline is passed on over two hops, in one process and over three", async () => {
  const remainingMs: number[] = [];
  const look = () => remainingMs.push((currentContext()?.deadlineMs ?? Number.NaN) - systemClock.monotonicMs());
  const forward = (need: string) => (deps: Deps) => ({
    async say() {
      look();
      return deps.clients[need]?.say({}) ?? {};
    },
  });
  const stuck = () => ({
    say() {
      look();
      return new Promise<never>(() => {});
    },
  });
  const services = [echo("a", ["b"], forward("b")), echo("b", ["c"], forward("c")), echo("c", [], stuck)];

  const together = await bootTest(services);
  const c = await bootTest(services, { run: ["c"], peerListen: anywhere });
  const b = await bootTest(services, { run: ["b"], peers: { c: c.peerUrl ?? "" }, peerListen: anywhere });
  const apart = await bootTest(services, { run: ["a"], peers: { b: b.peerUrl ?? "" } });
  for (const program of [together, apart]) {
    remainingMs.length = 0;
    const said = clientOf(program, "a").say({}, { timeoutMs: 60 });
    await assert.rejects(said, (err) => isFailure(err, kitFailures.deadline_exceeded) && err.details.timeoutMs === 60);
    assert.equal(remainingMs.length, 3);
    for (const ms of remainingMs) assert.ok(ms > 0 && ms <= 61, `${ms} ms are left`);
  }
  for (const program of [together, apart, b, c]) await program.stop();
});

test("a service whose need is not declared where its callee runs is refused, in words that say so", async () => {
  const callee = await bootTest([echo("a"), echo("b")], { run: ["b"], peerListen: anywhere });
  const forward = (deps: Deps) => ({ say: async () => (await deps.clients["b"]?.say({})) ?? {} });
  const newer = [echo("a", ["b"], forward), echo("b")];
  const caller = await bootTest(newer, { run: ["a"], peers: { b: callee.peerUrl ?? "" } });
  await assert.rejects(clientOf(caller, "a").say({}), (err) => {
    assert.ok(isFailure(err, kitFailures.undeclared_call));
    assert.deepEqual(err.details, { caller: "a", service: "b" });
    return true;
  });
  for (const program of [caller, callee]) await program.stop();
});

test("routes are listed with their operations where they are hosted, and with their peer where they are not", async () => {
  const routes = [{ path: "/x" }] as unknown as AnyService["routes"];
  const services = [
    echo("gateway", [], () => ({}), { servesRoutes: true }),
    echo("wallet", [], () => ({}), { routes }),
    echo("model", [], () => ({}), { routes }),
  ];
  const served: string[][] = [];
  const createPeerHttpHandler: BootOptions["createPeerHttpHandler"] = (mounted) => {
    served.push(mounted.map(({ name }) => name));
    return (req, res) => res.end(`served ${req.url}`);
  };
  const model = await bootTest(services, { run: ["model"], peerListen: anywhere, createPeerHttpHandler });
  const peers = { model: model.peerUrl ?? "" };
  const program = await bootTest(services, { run: ["gateway", "wallet"], peers });
  assert.deepEqual(program.mounted(), [
    { name: "wallet", routes, ops: "wallet's operations", peerUrl: undefined },
    { name: "model", routes, ops: undefined, peerUrl: model.peerUrl },
  ]);
  assert.deepEqual(served, [["model"]]);
  assert.equal(await (await fetch(`${model.peerUrl}/x`)).text(), "served /x");
  await program.stop();
  await model.stop();
});

test("a service that subscribes to what it does not declare to hear does not start", async () => {
  const undeclared = echo("user", [], () => ({
    subscriptions: [
      {
        mode: "broadcast",
        name: "x",
        events: [{ type: "key.revoked", schema: EchoService.method.say.input, key: () => "" }],
        handle() {},
        onGap() {},
      },
    ],
  }));
  await assert.rejects(bootTest([undeclared]), ({ cause }) => {
    assert.match(cause.message, /^service user does not declare that it hears key\.revoked$/);
    return true;
  });
});

test("a service without migrations that reaches for a database is told so", async () => {
  const careless = echo("user", [], ({ db }) => {
    db.sql;
    return {};
  });
  await assert.rejects(bootTest([careless]), ({ cause }) => /user has no migrations/.test(cause.message));
});

test("a step that never ends is left behind after its phase's limit, and a second signal waits for nothing", async () => {
  const stuck = () => new Promise<never>(() => {});
  const happened: string[] = [];
  const services = [
    echo("a", [], () => ({ stop: async () => void happened.push("stop a") })),
    echo("b", ["a"], () => ({ drain: stuck, stop: stuck })),
  ];
  const limited = await bootTest(services, { stopLimitsMs: { drain: 10, services: 10 } });
  await limited.stop();
  assert.deepEqual(happened, ["stop a"]);

  const hurried = await bootTest(services);
  const second = new AbortController();
  const stopped = hurried.stop();
  hurried.stop(second.signal);
  second.abort();
  await stopped;
  assert.deepEqual(happened, ["stop a", "stop a"]);
});

test("a service stops only when its last call has been answered", async () => {
  const answer = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const happened: string[] = [];
  const slow = echo("slow", [], () => ({
    async say() {
      asked.resolve();
      await answer.promise;
      happened.push("answer");
      return {};
    },
    stop: async () => void happened.push("stop"),
  }));
  const program = await bootTest([slow], { peerListen: anywhere });
  const caller = await bootTest([slow, echo("caller", ["slow"])], {
    run: ["caller"],
    peers: { slow: program.peerUrl ?? "" },
  });
  const said = clientOf(caller, "slow").say({});
  await asked.promise;
  const stopped = program.stop();
  await assert.rejects(clientOf(caller, "slow").say({}), (err) => isFailure(err, kitFailures.unavailable));
  answer.resolve();
  await said;
  await stopped;
  assert.deepEqual(happened, ["answer", "stop"]);
  await caller.stop();
});
