import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import type { Clock } from "../service/clock.ts";
import { createDnsDiscovery } from "./dns-discovery.ts";
import type { Endpoint } from "./endpoint.ts";
import { checkTarget, watchTarget } from "./target.ts";
import { hear } from "./testdata/heard.ts";

const waits: (() => void)[] = [];
/** Keeps each wait until the test ends it. */
const held: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  setTimer(_delayMs, callback) {
    waits.push(callback);
    return () => {};
  },
};
const endWait = () => waits.splice(0, 1)[0]?.();

test("one URL, several with commas and a list name their endpoints at once, each once", () => {
  for (const target of ["http://a:1, http://b:2,", ["http://a:1/", "http://b:2", "http://a:1"]]) {
    const heard: Endpoint[] = [];
    const listener = {
      onEndpoints: (endpoints: readonly Endpoint[]) => heard.push(...endpoints),
      onFailure: assert.fail,
    };
    watchTarget(target, listener, { clock: held, draw: () => 0 });
    assert.deepEqual(heard, [{ url: "http://a:1" }, { url: "http://b:2" }]);
  }
});

test("a target that cannot be meant is refused with the reason, and no registry is asked", () => {
  for (const good of [
    "consul://127.0.0.1:8500/echo?tag=blue&dc=east&token-file=/run/t",
    "dns://echo.internal:7400",
    "dns://_grpc._tcp.echo.internal",
    "dns://10.0.0.2:53/echo.internal:7400",
    "k8s://echo.prod:7400",
    "k8s://echo.prod?port=grpc",
  ]) {
    checkTarget(good);
  }
  for (const bad of [
    ...["", ",", "nonsense", "https://a:1", "http://a:1/path", "http://u:p@a:1", "ftp://a"],
    ...["consul://agent:8500", "consul://u:secret@agent/echo", "consul://agent/echo?tagg=x", "dns://", "k8s://echo"],
    ...["k8s://a.b.c:1", "consul://agent/echo,http://a:1"],
  ]) {
    assert.throws(() => checkTarget(bad), TypeError, bad);
  }
});

const types = { a: 1, aaaa: 28, srv: 33 };

function encodeName(name: string): Buffer {
  return Buffer.concat([
    ...name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.of(0),
  ]);
}

/** A name server as RFC 1035 and 2782 have it, of the records that it is given: type, then data. */
async function startDns(records: Map<string, readonly (readonly [type: number, data: Buffer])[]>) {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, end);
    const wanted = question.readUInt16BE(question.length - 4);
    const known = [...records].find(([name]) => question.subarray(0, -4).equals(encodeName(name)))?.[1];
    const answers = (known ?? []).filter(([type]) => type === wanted);
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(answers.length, 6);
    header.fill(0, 8);
    const encoded = answers.map(([type, data]) => {
      const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
      return Buffer.concat([head, data]);
    });
    socket.send(Buffer.concat([header, question, ...encoded]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return { server: `127.0.0.1:${socket.address().port}`, [Symbol.dispose]: () => socket.close() };
}

const srv = (priority: number, port: number, name: string) => {
  const numbers = Buffer.alloc(6);
  for (const [index, number] of [priority, 1, port].entries()) numbers.writeUInt16BE(number, 2 * index);
  return [types.srv, Buffer.concat([numbers, encodeName(name)])] as const;
};
const v4 = (...bytes: number[]) => [types.a, Buffer.from(bytes)] as const;

test("DNS gives addresses of both families, is asked again, and keeps the last good when the name is gone", async () => {
  const v6 = [types.aaaa, Buffer.from("fd000000000000000000000000000001", "hex")] as const;
  const records = new Map([["echo.test", [v4(10, 0, 0, 1), v6]]]);
  using dns = await startDns(records);
  using heard = hear(createDnsDiscovery({ clock: held, draw: () => 0, port: 7400, server: dns.server }), "echo.test");
  assert.equal(await heard.next(), "10.0.0.1:7400 [fd00::1]:7400");
  records.delete("echo.test");
  endWait();
  assert.match(await heard.next(), /^failed: .*ENOTFOUND/);
  records.set("echo.test", [v4(10, 0, 0, 2)]);
  endWait();
  assert.equal(await heard.next(), "10.0.0.2:7400");
});

test("without a port SRV records tell hosts and ports, those of the best priority only", async () => {
  waits.length = 0;
  const records = new Map([
    ["_grpc._tcp.echo.test", [srv(1, 7400, "one.test"), srv(1, 7401, "two.test"), srv(2, 7402, "one.test")]],
    ["one.test", [v4(10, 0, 0, 1)]],
    ["two.test", [v4(10, 0, 0, 2)]],
  ]);
  using dns = await startDns(records);
  using heard = hear(createDnsDiscovery({ clock: held, draw: () => 0, server: dns.server }), "_grpc._tcp.echo.test");
  assert.equal(await heard.next(), "10.0.0.1:7400 10.0.0.2:7401");
});

test("DNS without a server of its own asks as the machine does, its hosts file included", async () => {
  using heard = hear(createDnsDiscovery({ clock: held, draw: () => 0, port: 7400 }), "localhost");
  assert.match(await heard.next(), /127\.0\.0\.1:7400/);
});
