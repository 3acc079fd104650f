import assert from "node:assert/strict";
import { type RunningPlatform, requestJson } from "./run-platform.ts";

/** A call as billing recorded it. */
export interface UsageRow {
  readonly id: string;
  readonly status: string;
  readonly cost_nanos: string;
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
  const endMs = performance.now() + 30_000;
  for (;;) {
    const rows = await listUsage(platform);
    if (rows.length >= count) return rows;
    if (performance.now() > endMs) assert.fail(`${rows.length} of ${count} calls are recorded after 30 s`);
  }
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
  const endMs = performance.now() + 30_000;
  while ((await heldNanos(platform)) > 0n) {
    if (performance.now() > endMs) assert.fail("money is still held after 30 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
