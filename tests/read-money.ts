import assert from "node:assert/strict";
import { waitFor, waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { type RunningPlatform, requestJson } from "./run-platform.ts";

/** A call as billing recorded it. */
export interface UsageRow {
  readonly id: string;
  readonly status: string;
  readonly provider: string;
  readonly model: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_nanos: string;
  readonly estimated: boolean;
  readonly uncollected_nanos: string;
  readonly latency_ms: number;
  readonly streamed: boolean | null;
  readonly first_token_ms: number | null;
  readonly error: string | null;
}

/** Every recorded call of the first run's tenant. */
export async function listUsage({ url, apiKey }: RunningPlatform): Promise<UsageRow[]> {
  const rows: UsageRow[] = [];
  let cursor = "";
  do {
    const { body } = await requestJson(`${url}/v1/billing/usage?limit=200&cursor=${cursor}`, apiKey);
    rows.push(...(body["data"] as UsageRow[]));
    cursor = String(body["next_cursor"] ?? "");
  } while (cursor !== "");
  return rows;
}

/** Usage is posted a moment after the answer: every recorded call, when there are `count`; fails after half a minute. */
export async function waitForUsage(platform: RunningPlatform, count: number): Promise<UsageRow[]> {
  const enough = async () => {
    const rows = await listUsage(platform);
    return rows.length >= count ? rows : undefined;
  };
  return waitFor(enough, { withinMs: 30_000, what: `${count} calls are recorded` });
}

/** How many calls ended in which way. */
export async function countUsage(platform: RunningPlatform): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { status } of await listUsage(platform)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

export async function balanceOf({ url, apiKey }: RunningPlatform): Promise<{ available: bigint; held: bigint }> {
  const { body } = await requestJson(`${url}/v1/billing/balance`, apiKey);
  return { available: BigInt(String(body["available_nanos"])), held: BigInt(String(body["held_nanos"])) };
}

/** What calls in flight and leases have set aside. */
export async function heldNanos(platform: RunningPlatform): Promise<bigint> {
  return (await balanceOf(platform)).held;
}

/** Resolves when all is charged and no call or lease holds money any more; fails after half a minute. */
export async function waitForNoHold(platform: RunningPlatform): Promise<void> {
  const isFree = async () => (await heldNanos(platform)) === 0n;
  await waitUntil(isFree, { withinMs: 30_000, what: "no money is held" });
}

/**
 * Resolves when no call runs, and all that ended are settled: what a caller cannot know who left without an answer, for
 * its request may still be unread. Fails after half a minute.
 */
export async function waitForNoCall({ url }: RunningPlatform): Promise<void> {
  const open = /^(?:edge_in_flight\{.*\}|llm_requests_in_flight|llm_settlements_pending) [1-9]/m;
  let quiet = 0;
  const isQuiet = async () => {
    // A connection of its own each time: the server accepts it after all that were there before.
    const answer = await fetch(`${url}/metrics`, { headers: { connection: "close" } });
    quiet = open.test(await answer.text()) ? 0 : quiet + 1;
    return quiet === 3;
  };
  await waitUntil(isQuiet, { withinMs: 30_000, what: "no call runs" });
}

/** Lets the platform check all of its money, and compare each wallet with the journal; fails on whatever it finds. */
export async function assertMoneyAddsUp({ url, apiKey }: RunningPlatform): Promise<void> {
  const path = `${url}/admin/billing/integrity/runs`;
  const { id } = (await requestJson(path, apiKey, { body: {} })).body;
  const ended = async () => {
    const { body } = await requestJson(`${path}/${id}`, apiKey);
    return body["ended_at"] === null ? undefined : body;
  };
  const run = await waitFor(ended, { withinMs: 120_000, what: "the check of the journal ends" });
  assert.deepEqual(run["findings"], []);
  let cursor: unknown = "";
  do {
    const { body } = await requestJson(`${url}/admin/billing/balances:rebuild`, apiKey, { body: { cursor } });
    assert.deepEqual([body["data"], body["budgets"]], [[], []]);
    cursor = body["next_cursor"];
  } while (cursor !== null);
}
