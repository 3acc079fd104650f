import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createDnsDiscovery } from "@lyss/kit/discovery/dns-discovery.ts";
import { hear } from "@lyss/kit/discovery/testdata/heard.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createPeerFolder, createPeerProgram, findFreePort } from "@lyss/kit/testing/peer-program.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";

const limits = { timeout: 30_000 };

/** dnsmasq with records of its own and a file of addresses, `address name` a line, that it reads again when told. */
async function startDnsmasq(t: TestContext, records: readonly string[] = []) {
  const scope = closeInReverse(t);
  const port = await findFreePort();
  const file = join(createPeerFolder(scope, "dns"), "hosts");
  const tell = (lines: readonly string[]) => writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  tell([]);
  const here = [
    "--port",
    String(port),
    "--listen-address=127.0.0.1",
    "--bind-interfaces",
    "--pid-file=",
    "--user=root",
  ];
  const only = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/test/", `--addn-hosts=${file}`];
  const program = createPeerProgram(scope, {
    command: "dnsmasq",
    args: ["--keep-in-foreground", "--log-facility=-", ...here, ...only, ...records],
    readyText: "started, version",
  });
  return {
    ...program,
    /** Names are known once it runs, or after `reload`. */
    tell,
    reload: () => program.signal("SIGHUP"),
    /** What a watch of a name hears; with a port by addresses, without by SRV. */
    watch(name: string, servicePort?: number) {
      const server = `127.0.0.1:${port}`;
      const options = { clock: systemClock, draw: () => 0.5, port: servicePort, server, refreshMs: 100 };
      const heard = hear(createDnsDiscovery(options), name);
      t.after(() => heard[Symbol.dispose]());
      return heard;
    },
  };
}

test(
  "addresses of both families are heard, and each change; a name that is gone keeps its last ones",
  limits,
  async (t) => {
    const dns = await startDnsmasq(t);
    dns.tell(["10.0.0.1 echo.test", "fd00::1 echo.test"]);
    await dns.start();
    const heard = dns.watch("echo.test", 7400);
    assert.equal(await heard.next(), "10.0.0.1:7400 [fd00::1]:7400");
    dns.tell(["10.0.0.2 echo.test"]);
    dns.reload();
    assert.equal(await heard.next(), "10.0.0.2:7400");
    dns.tell([]);
    dns.reload();
    assert.match(await heard.next(), /^failed: .*ENOTFOUND/);
  },
);

test("SRV records tell hosts and ports, those of the best priority, through an alias too", limits, async (t) => {
  const srv = (target: string, port: number, priority: number) =>
    `--srv-host=_grpc._tcp.echo.test,${target},${port},${priority},10`;
  const dns = await startDnsmasq(t, [
    ...[srv("one.test", 7400, 1), srv("two.test", 7401, 1), srv("spare.test", 7402, 2)],
    "--cname=two.test,one.test",
  ]);
  dns.tell(["10.0.0.1 one.test", "10.0.0.9 spare.test"]);
  await dns.start();
  assert.equal(await dns.watch("_grpc._tcp.echo.test").next(), "10.0.0.1:7400 10.0.0.1:7401");
});

test("an answer that is too large for a datagram is whole all the same", limits, async (t) => {
  const dns = await startDnsmasq(t);
  const addresses = Array.from({ length: 120 }, (_, n) => `10.0.1.${n + 1}`);
  dns.tell(addresses.map((address) => `${address} many.test`));
  await dns.start();
  const heard = (await dns.watch("many.test", 7400).next()).split(" ");
  assert.deepEqual(heard.toSorted(), addresses.map((address) => `${address}:7400`).toSorted());
});

test("a name server that is away changes nothing, and is heard again when it is back", limits, async (t) => {
  const dns = await startDnsmasq(t);
  dns.tell(["10.0.0.1 echo.test"]);
  await dns.start();
  const heard = dns.watch("echo.test", 7400);
  assert.equal(await heard.next(), "10.0.0.1:7400");
  await dns.kill();
  assert.match(await heard.next(), /^failed: /);
  dns.tell(["10.0.0.2 echo.test"]);
  await dns.start();
  for (let said = ""; said !== "10.0.0.2:7400"; said = await heard.next()) assert.match(said, /^$|^failed: /);
});
