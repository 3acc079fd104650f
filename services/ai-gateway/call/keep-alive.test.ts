import assert from "node:assert/strict";
import { test } from "node:test";
import { createTimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createKeepAlive, findKeepAliveMs } from "./keep-alive.ts";

test("W6: a silent stream is kept alive after the interval, one that speaks after twice that at most, and one that ended never", () => {
  const clock = createFakeClock();
  let sent = 0;
  const keepAlive = createKeepAlive(createTimerWheel({ tickMs: 50, clock }), 15_000, () => {
    sent++;
  });
  const advance = (ms: number) => {
    for (let past = 0; past < ms; past += 50) clock.advance(50);
  };
  keepAlive.start();
  keepAlive.start();
  advance(14_000);
  assert.equal(sent, 0);
  advance(1_200);
  assert.equal(sent, 1);
  keepAlive.note();
  advance(14_900);
  assert.equal(sent, 1, "something else has left meanwhile");
  advance(15_200);
  assert.equal(sent, 2);
  keepAlive.stop();
  advance(60_000);
  assert.equal(sent, 2);
});

test("W6: keep-alives are off by configuration and by request, which may also say after how many seconds", () => {
  const ms = (said?: string, keepAliveMs = 15_000) =>
    findKeepAliveMs(said === undefined ? {} : { "lyss-keep-alive": said }, { keepAliveMs });
  assert.deepEqual([ms(), ms("on"), ms("off"), ms("On"), ms("")], [15_000, 15_000, 0, undefined, undefined]);
  assert.deepEqual([ms(undefined, 0), ms("on", 0), ms("5", 0)], [0, 0, 5_000]);
  assert.deepEqual([ms("1"), ms("30"), ms("3600")], [1_000, 30_000, 3_600_000]);
  for (const wrong of ["0", "3601", "1.5", "-1", "5s", "1e3", " 5", "00005"]) assert.equal(ms(wrong), undefined, wrong);
});
