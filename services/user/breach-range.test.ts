import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import pino from "pino";
import { createBreachRange } from "./breach-range.ts";

const digestOf = (password: string) => createHash("sha1").update(password).digest("hex").toUpperCase();

/** A range service, and what it was asked and the check has logged. */
async function open(t: TestContext, onRequest: RequestListener) {
  const asked: { readonly path: string; readonly padding: unknown }[] = [];
  const server = createServer((req, res) => {
    asked.push({ path: req.url ?? "", padding: req.headers["add-padding"] });
    onRequest(req, res);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => void server.close().closeAllConnections());
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const clock = createFakeClock();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`;
  return { asked, lines, clock, isBreached: createBreachRange({ url, clock, log }), server };
}

test("a password is known by the rest of its digest; of the service's padding nothing is", async (t) => {
  const [breached, padded] = ["correct horse battery staple", "a password of padding"];
  const { asked, lines, isBreached } = await open(t, (req, res) => {
    const known = [breached, padded].filter((text) => req.url === `/range/${digestOf(text).slice(0, 5)}`);
    const rows = known.map((text) => `${digestOf(text).slice(5)}:${text === padded ? 0 : 37}`);
    res.end([`${"0".repeat(35)}:3`, ...rows, `${"F".repeat(35)}:0`].join("\r\n"));
  });
  assert.deepEqual(
    [await isBreached(breached), await isBreached(padded), await isBreached("nobody has ever had this one")],
    [true, false, false],
  );
  const paths = [breached, padded, "nobody has ever had this one"].map(
    (text) => `/range/${digestOf(text).slice(0, 5)}`,
  );
  assert.deepEqual(
    asked,
    paths.map((path) => ({ path, padding: "true" })),
    "five characters, and padding is asked for",
  );
  assert.deepEqual(lines, []);
});

test("a service that is away, silent, wrong or endless keeps nobody from a password, and is told of in the log", async (t) => {
  const password = "correct horse battery staple";
  const cases: Readonly<Record<string, RequestListener>> = {
    "an error": (_req, res) => res.writeHead(503).end("busy"),
    "another place": (_req, res) => res.writeHead(302, { location: "https://example.com/" }).end(),
    "a broken answer": (req) => req.socket.destroy(),
    "an endless answer": (_req, res) => {
      const write = () => {
        while (res.write("0".repeat(65_536)));
        res.once("drain", write);
      };
      write();
    },
  };
  for (const [name, onRequest] of Object.entries(cases)) {
    const { lines, isBreached } = await open(t, onRequest);
    assert.equal(await isBreached(password), false, name);
    assert.equal(lines.length, 1, name);
    assert.match(lines[0] ?? "", /not looked for in breaches/);
    assert.ok(!lines[0]?.includes(digestOf(password).slice(0, 5)), "the log does not tell the digest");
  }
  const arrived = Promise.withResolvers<void>();
  const silent = await open(t, () => arrived.resolve());
  const answer = silent.isBreached(password);
  await arrived.promise;
  silent.clock.advance(1_000);
  assert.equal(await answer, false);
  assert.match(silent.lines[0] ?? "", /"reason":"timeout"/);
});

test("what is no line of the protocol is not a match", async (t) => {
  const password = "correct horse battery staple";
  const suffix = digestOf(password).slice(5);
  for (const body of ["", suffix, `${suffix}:`, `${suffix}:many`, `x${suffix}:3`, "<html>"]) {
    const { isBreached } = await open(t, (_req, res) => res.end(body));
    assert.equal(await isBreached(password), false, JSON.stringify(body));
  }
});
