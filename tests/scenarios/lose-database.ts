import assert from "node:assert/strict";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { listUsage, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson } from "../run-platform.ts";
import { openStream } from "./open-streams.ts";
import type { PlatformBehind } from "./platform-behind.ts";

/** The row's figures; a busy machine gets as much again. */
const noticeMs = 10_000;
const recoverMs = 10_000;
/** Short, so that what nobody settles is seen soon. */
export const billing = { holdTtlMs: 20_000, leaseTtlMs: 3_000, reserveWaitMs: 1_000 };

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly code: unknown;
}

/** Calls at a steady rate until it is told to end; `answers` grows. */
function startLoad({ url, apiKey }: RunningPlatform) {
  const ending = new AbortController();
  const answers: Answer[] = [];
  const body = {
    model: "simulated-chat",
    max_tokens: 20,
    messages: [{ role: "user", content: "simulate.tokens=10 simulate.token_delay_ms=20" }],
  };
  const calls = new Set<Promise<unknown>>();
  const one = async () => {
    const { status, headers, body: answer } = await requestJson(`${url}/v1/chat/completions`, apiKey, { body });
    const error = answer["error"] as Record<string, unknown> | undefined;
    answers.push({ status, retryAfter: headers.get("retry-after"), code: error?.["code"] });
  };
  const running = (async () => {
    while (!ending.signal.aborted) {
      const call = one().finally(() => calls.delete(call));
      calls.add(call);
      await delay(systemClock, 25);
    }
    await Promise.all(calls);
  })();
  return {
    answers,
    async end() {
      ending.abort();
      await running;
    },
  };
}

const until = (what: string, withinMs: number, isTrue: () => boolean | Promise<boolean>) =>
  waitUntil(isTrue, { withinMs, what });

const statusOf = async ({ url }: RunningPlatform, path: string) => (await fetch(url + path)).status;

export interface Outage {
  lose(): void;
  restore(): void;
  /** What callers may hear meanwhile. */
  readonly codes: readonly string[];
}

/** Takes the database away under a steady load and open streams, gives it back, and looks at everybody's books. */
export async function loseDatabase(rig: PlatformBehind, { lose, restore, codes }: Outage): Promise<void> {
  const { platform, toProvider, callLog } = rig;
  const load = startLoad(platform);
  await until("the load", 30_000, () => load.answers.filter(({ status }) => status === 200).length >= 40);
  assert.ok(load.answers.every(({ status }) => status === 200));
  const directives = "simulate.tokens=50 simulate.token_delay_ms=100";
  const streams = Array.from({ length: 20 }, () => openStream(platform, { directives }));
  await Promise.all(streams.map(({ begun }) => begun));

  lose();
  const isRefused = ({ status }: Answer) => status !== 200;
  await until("a refusal", 30_000, () => load.answers.some(isRefused));
  await until("not ready", noticeMs, async () => (await statusOf(platform, "/readyz")) === 503);
  assert.equal(await statusOf(platform, "/livez"), 200);
  const sentBytes = toProvider.passedBytes().toTarget;
  const refusedBefore = load.answers.length;
  await until("more refusals", 30_000, () => load.answers.length >= refusedBefore + 20);
  assert.equal(toProvider.passedBytes().toTarget, sentBytes, "a call went upstream without a reservation");
  for (const { status, retryAfter, code } of load.answers.filter(isRefused)) {
    assert.ok(codes.includes(`${status} ${code}`), `${status} ${code}`);
    assert.ok(status !== 503 || Number(retryAfter) >= 1, `retry-after: ${retryAfter}`);
  }

  restore();
  const answered = load.answers.length;
  await until("an answer", recoverMs, () => load.answers.slice(answered).some(({ status }) => status === 200));
  await until("ready", recoverMs, async () => (await statusOf(platform, "/readyz")) === 200);
  await load.end();
  for (const { ended } of streams) {
    const { text, isBroken } = await ended;
    assert.ok(!isBroken && text.endsWith("data: [DONE]\n\n"), "a stream under way was lost");
  }
  await waitForNoHold(platform);

  const rows = await listUsage(platform);
  const completed = rows.filter(({ status }) => status === "completed");
  const served = callLog.filter(({ path }) => path === "/v1/chat/completions");
  const good = load.answers.filter(({ status }) => status === 200).length + streams.length;
  assert.ok(completed.length >= good, `${good} answers, ${completed.length} recorded`);
  assert.equal(completed.length, served.length, "each call that the provider served is recorded, and no other");
}
