import assert from "node:assert/strict";
import type dns from "node:dns";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { systemClock } from "../service/clock.ts";
import { createAddressGuard } from "./address-guard.ts";
import { createGuardedFetch, FetchError } from "./guarded-fetch.ts";

let requests = 0;
const server = createServer((req, res) => {
  requests++;
  if (req.url === "/moved") res.writeHead(302, { location: "/" }).end();
  else if (req.url === "/large") res.end("x".repeat(2_000));
  else if (req.url !== "/silent") {
    let body = "";
    req.on("data", (chunk) => {
      body += chunk;
    });
    req.on("end", () => res.end(`${req.method} ${req.headers["x-a"]} ${body}`));
  }
}).listen(0, "127.0.0.1");
await once(server, "listening");
after(() => {
  server.closeAllConnections();
  server.close();
});
const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const limits = { clock: systemClock, timeoutMs: 200, maxBytes: 1_000 };
const plain = createGuardedFetch({ ...limits, guard: undefined });
const get = { method: "GET", headers: {} };

test("a request arrives as it is, its answer comes back, and a redirect is an answer", async () => {
  const answer = await plain(new URL(base), { method: "POST", headers: { "x-a": "b" }, body: "hello" });
  assert.deepEqual([answer.status, await answer.text()], [200, "POST b hello"]);
  assert.equal((await plain(new URL("/moved", base), get)).status, 302);
});

test("an answer that is too large, too late or never comes is told as such", async () => {
  const reasonOf = (path: string) =>
    plain(new URL(path, base), get).then(
      () => "none",
      (err) => err instanceof FetchError && err.reason,
    );
  assert.deepEqual([await reasonOf("/large"), await reasonOf("/silent")], ["too_large", "timeout"]);
  assert.equal(await reasonOf("http://127.0.0.1:1/"), "unreachable");
  assert.equal(await reasonOf("ftp://127.0.0.1/"), "refused");
});

test("an address that is not public is never connected to, by number or by what a name resolves to", async () => {
  const before = requests;
  const resolve = ((_name: string, _options: unknown, done: (...found: unknown[]) => void) =>
    done(null, [{ address: "127.0.0.1", family: 4 }])) as unknown as typeof dns.lookup;
  const guarded = createGuardedFetch({ ...limits, guard: createAddressGuard(resolve) });
  for (const url of [base, "https://127.0.0.1/", "https://localhost/", "https://rebound.example.com/"]) {
    await assert.rejects(guarded(new URL(url), get), FetchError, url);
  }
  assert.equal(requests, before);
});
