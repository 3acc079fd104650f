import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { countUsage, heldNanos } from "../read-money.ts";
import { runPlatform } from "../run-platform.ts";
import { openStream } from "./open-streams.ts";

const dataDir = mkdtempSync(join(tmpdir(), "lyss-drain-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const streams = 1_000;

/** Opens all streams, waits for the first byte of each, and asks the platform to stop. */
async function stopUnderStreams(t: Parameters<typeof runPlatform>[0], drainTimeoutMs: number, directives: string) {
  const config = { stop: { drainTimeoutMs }, log: { level: "warn" } };
  const platform = await runPlatform(t, { dataDir, config });
  const open = Array.from({ length: streams }, () => openStream(platform, { directives }));
  await Promise.all(open.map(({ begun }) => begun));
  const stopped = platform.stop();
  const ends = await Promise.all(open.map(({ ended }) => ended));
  return { ends, code: await stopped, output: platform.output() };
}

/** What the books say after the next start. */
async function readBooks(t: Parameters<typeof runPlatform>[0]) {
  const platform = await runPlatform(t, { dataDir });
  const books = { usage: await countUsage(platform), held: await heldNanos(platform) };
  await platform.stop();
  return books;
}

test("R11: of 1,000 streams that end within the drain's window none is dropped", async (t) => {
  const directives = "simulate.tokens=6 simulate.token_delay_ms=400";
  const { ends, code, output } = await stopUnderStreams(t, 60_000, directives);
  assert.equal(code, 0, output);
  const dropped = ends.filter(({ text, isBroken }) => isBroken || !text.endsWith("data: [DONE]\n\n"));
  assert.equal(dropped.length, 0, String(dropped[0]?.text));
});

test("R11: 1,000 streams that outlast the window are ended with a typed error, and all 2,000 are settled", async (t) => {
  const directives = "simulate.tokens=100 simulate.token_delay_ms=1000";
  const { ends, code, output } = await stopUnderStreams(t, 1_000, directives);
  assert.equal(code, 0, output);
  for (const { text, isBroken } of ends) {
    assert.equal(isBroken, false, text);
    const error = JSON.parse(text.trimEnd().split("data: ").at(-1) ?? "").error;
    assert.deepEqual([error?.type, error?.code], ["server_error", "GATEWAY_014"], text);
  }
  assert.deepEqual(await readBooks(t), { usage: { completed: streams, truncated: streams }, held: 0n });
});
