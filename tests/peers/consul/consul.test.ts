import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite, type TestContext, test } from "node:test";
import { createConsulDiscovery } from "@lyss/kit/discovery/consul-discovery.ts";
import { type ConsulRegistrationOptions, registerWithConsul } from "@lyss/kit/discovery/consul-registration.ts";
import { hear } from "@lyss/kit/discovery/testdata/heard.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createPeerFolder, createPeerProgram, findFreePort } from "@lyss/kit/testing/peer-program.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { consulPath } from "./consul-path.ts";

const limits = { timeout: 150_000 };

/** An agent that is a cluster of one and keeps everything in memory: started again, it knows nothing. */
async function startConsul(t: TestContext) {
  const scope = closeInReverse(t);
  const [http = 0, server, lan, wan] = await Promise.all([1, 2, 3, 4].map(() => findFreePort()));
  const ports = [`-http-port=${http}`, `-server-port=${server}`, `-serf-lan-port=${lan}`, `-serf-wan-port=${wan}`];
  const off = ["-dns-port=-1", "-grpc-port=-1", "-grpc-tls-port=-1"];
  const program = createPeerProgram(scope, {
    command: consulPath,
    args: ["agent", "-dev", "-bind=127.0.0.1", "-client=127.0.0.1", ...off, ...ports],
    readyText: "cluster leadership acquired",
    // Without a folder for its data it would look for services in ours.
    folder: createPeerFolder(scope, "consul"),
  });
  await program.start();
  const url = `http://127.0.0.1:${http}`;
  const listServices = async () => Object.keys((await (await fetch(`${url}/v1/agent/services`)).json()) as object);
  return {
    ...program,
    listServices,
    watch(service: string, options: { readonly tag?: string } = {}) {
      const heard = hear(
        createConsulDiscovery({ url, clock, draw: () => 0.5, minIntervalMs: 20, ...options }),
        service,
      );
      scope.after(async () => heard[Symbol.dispose]());
      return {
        /** Waits until this is heard; gives what was heard before it. */
        async until(expected: RegExp) {
          const before: string[] = [];
          for (;;) {
            const said = await heard.next();
            if (expected.test(said)) return before;
            before.push(said);
          }
        },
      };
    },
    async register(port: number, options: Partial<ConsulRegistrationOptions> = {}) {
      const registration = await registerWithConsul({
        ...{ url, clock, service: "echo", id: `echo-${port}`, address: "10.0.0.1", port },
        ...{ check: { kind: "ttl", ttlMs: 3_000 }, deregisterAfterMs: 60_000, onFailure: () => {}, ...options },
      });
      scope.after(() => registration.stop().catch(() => {}));
      return registration;
    },
  };
}

/** A service's health page, which says what the test wants. */
async function startHealthPage(t: TestContext) {
  let status = 200;
  const server = createServer((_req, res) => res.writeHead(status).end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health/ready`;
  return {
    url,
    answer: (next: number) => {
      status = next;
    },
  };
}

suite("Consul", { concurrency: true }, () => {
  test(
    "what registers is heard at once, with its zone; what leaves is gone at once; the last one stays",
    limits,
    async (t) => {
      const consul = await startConsul(t);
      const watched = consul.watch("echo");
      await watched.until(/^failed: the registry knows no endpoint/);
      const first = await consul.register(7400, { zone: "east" });
      await watched.until(/^10\.0\.0\.1:7400@east$/);
      const second = await consul.register(7401);
      await watched.until(/^10\.0\.0\.1:7400@east 10\.0\.0\.1:7401$/);
      await first.stop();
      await watched.until(/^10\.0\.0\.1:7401$/);
      await second.stop();
      assert.deepEqual(await watched.until(/^failed: the registry knows no endpoint/), []);
    },
  );

  test("a tag picks some instances", limits, async (t) => {
    const consul = await startConsul(t);
    await consul.register(7400, { tags: ["blue", "v2"] });
    await consul.register(7401, { tags: ["green"] });
    await consul.watch("echo", { tag: "blue" }).until(/^10\.0\.0\.1:7400$/);
  });

  test(
    "an instance whose health page fails gets no more calls, and gets them again when it is well",
    limits,
    async (t) => {
      const consul = await startConsul(t);
      const page = await startHealthPage(t);
      await consul.register(7400);
      const watched = consul.watch("echo");
      await watched.until(/^10\.0\.0\.1:7400$/);
      await consul.register(7401, { check: { kind: "http", url: page.url, intervalMs: 100, timeoutMs: 1_000 } });
      await watched.until(/7401$/);
      page.answer(503);
      await watched.until(/^10\.0\.0\.1:7400$/);
      page.answer(200);
      await watched.until(/7401$/);
    },
  );

  test(
    "an instance that reports no more is taken out, and forgotten when its check has failed for a minute",
    limits,
    async (t) => {
      const consul = await startConsul(t);
      await consul.register(7400);
      // Time stands still for this one: it reports in once and never again.
      const setTimer = (delayMs: number, callback: () => void) =>
        delayMs < 3_000 ? () => {} : clock.setTimer(delayMs, callback);
      await consul.register(7401, { clock: { ...clock, setTimer }, check: { kind: "ttl", ttlMs: 1_500 } });
      const watched = consul.watch("echo");
      await watched.until(/7400 10\.0\.0\.1:7401$/);
      await watched.until(/^10\.0\.0\.1:7400$/);
      assert.deepEqual(await consul.listServices(), ["echo-7400", "echo-7401"]);
      await consul.untilSaid("deregistered service with critical health");
      assert.deepEqual(await consul.listServices(), ["echo-7400"]);
    },
  );

  test(
    "an agent that dies changes nothing; back without memory it is told again, and its index begins anew",
    limits,
    async (t) => {
      const consul = await startConsul(t);
      await consul.register(7400);
      await consul.register(7401);
      const watched = consul.watch("echo");
      await watched.until(/7400 10\.0\.0\.1:7401$/);
      await consul.kill();
      await watched.until(/^failed: /);
      await consul.start();
      // It may know nobody, or one of them, for a moment; each is told within a third of its TTL.
      await consul.register(7402);
      const before = await watched.until(/^10\.0\.0\.1:7400 10\.0\.0\.1:7401 10\.0\.0\.1:7402$/);
      assert.ok(before.every((said) => said.startsWith("failed: ") || said.includes("10.0.0.1:")));
    },
  );
});
