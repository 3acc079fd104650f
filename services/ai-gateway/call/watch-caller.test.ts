import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { watchCaller } from "./watch-caller.ts";

test("B18: a caller who left before anybody looked ends the call all the same, at once or when the wait is over", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const caller = request({ port: (server.address() as AddressInfo).port }).on("error", () => undefined);
  caller.end();
  const [, res] = await once(server, "request");
  const gone = once(res, "close");
  caller.destroy();
  await gone;

  const clock = createFakeClock();
  const atOnce = new AbortController();
  const watch = watchCaller({ res, abort: atOnce, clock }, () => 0);
  assert.deepEqual([watch.left.aborted, atOnce.signal.aborted], [true, true]);

  const later = new AbortController();
  const waiting = watchCaller({ res, abort: later, clock }, () => 1_000);
  assert.deepEqual([waiting.left.aborted, later.signal.aborted], [true, false]);
  const aborted = once(later.signal, "abort");
  clock.advance(1_000);
  await aborted;
});
