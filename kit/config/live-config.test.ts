import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { Registry } from "prom-client";
import { z } from "zod";
import { systemClock } from "../service/clock.ts";
import { registerConfigMetrics } from "./config-metrics.ts";
import { createLiveConfig } from "./live-config.ts";
import { loadConfig } from "./load-config.ts";
import { secretSchema } from "./secret.ts";
import { watchFile } from "./watch-file.ts";

const sections = {
  limits: z
    .strictObject({
      rate: z.int().min(1).max(100).default(10),
      names: z.array(z.string()).default([]),
      extra: z.strictObject({ size: z.int(), unit: z.string().default("kg") }).optional(),
    })
    .prefault({})
    .meta({ live: true }),
  http: z
    .strictObject({
      port: z.int().default(80),
      motd: z.string().default("").meta({ live: true }),
      token: secretSchema.prefault("t0").meta({ live: true }),
    })
    .prefault({}),
};

function open(text = "") {
  const file = { text };
  const logged: Record<string, unknown>[] = [];
  const load = () => loadConfig({ sections, file: { name: "app.yaml", text: file.text }, env: {} });
  const log = pino({}, { write: (line) => void logged.push(JSON.parse(line)) });
  const live = createLiveConfig({ initial: load(), load, log });
  return {
    live,
    logged,
    change(next: string) {
      file.text = next;
      live.reload();
    },
  };
}

test("a changed live key takes effect and is told, with a new version; an equal file is no news", () => {
  const { live, logged, change } = open();
  const heard: number[] = [];
  live.onChange(({ limits }) => heard.push(limits.rate));
  const before = live.version();
  change("limits: {rate: 20}");
  assert.equal(live.current().limits.rate, 20);
  assert.match(live.version(), /^[0-9a-f]{12}$/);
  assert.notEqual(live.version(), before);
  change("limits:\n  rate: 20\n  names: []\n");
  assert.deepEqual(heard, [20]);
  assert.deepEqual(logged.length, 1);
  assert.deepEqual(logged[0]?.["changed"], ["limits.rate: 20"]);
  change("");
  assert.deepEqual([heard, live.version()], [[20, 10], before], "a key that is gone has its default again");
});

test("an invalid configuration changes nothing; the log names key, value and reason", () => {
  const { live, logged, change } = open("limits: {rate: 20}");
  change("limits: {rate: 0}\nhttp: {motd: hello}");
  assert.deepEqual([live.current().limits.rate, live.current().http.motd], [20, ""]);
  const [problem] = (logged[0]?.["problems"] ?? []) as Record<string, string>[];
  assert.deepEqual([problem?.["key"], problem?.["value"], problem?.["source"]], ["limits.rate", "0", "app.yaml:1"]);
  assert.match(problem?.["reason"] ?? "", /1/);
  assert.ok(live.stats().isInvalid);
  change("limits: {rate: 21}");
  assert.deepEqual([live.current().limits.rate, live.stats().isInvalid], [21, false]);
});

test("a key that is not live keeps its value and is told once to need a restart; live ones beside it change", () => {
  const { live, logged, change } = open();
  change("http: {port: 81, motd: hello}");
  assert.deepEqual([live.current().http.port, live.current().http.motd], [80, "hello"]);
  assert.deepEqual(logged[0]?.["keys"], ["http.port"]);
  change("http: {port: 81, motd: again}");
  assert.equal(logged.filter((line) => line["keys"]).length, 1);
  assert.deepEqual(live.stats().pendingKeys, ["http.port"]);
  change("http: {motd: again}");
  assert.deepEqual(live.stats().pendingKeys, []);
});

test("a group that may be absent comes and goes as a whole", () => {
  const { live, change } = open();
  change("limits: {extra: {size: 3}}");
  assert.deepEqual(live.current().limits.extra, { size: 3, unit: "kg" });
  change("");
  assert.equal(live.current().limits.extra, undefined);
});

test("a secret's change is noticed, and neither the log nor the version tells of its value", () => {
  const { live, logged, change } = open();
  const version = live.version();
  change("http: {token: hunter2}");
  assert.equal(live.current().http.token.reveal(), "hunter2");
  assert.equal(live.version(), version);
  assert.ok(!JSON.stringify(logged).includes("hunter2"));
});

test("a listener that throws keeps no other from hearing", () => {
  const { live, logged, change } = open();
  let heard = 0;
  live.onChange(() => {
    throw new Error("no");
  });
  const stop = live.onChange(() => heard++);
  change("limits: {rate: 20}");
  stop();
  change("limits: {rate: 21}");
  assert.equal(heard, 1);
  assert.ok(logged.some((line) => String(line["msg"]).includes("could not take up")));
});

test("version, reloads, what is invalid and what waits for a restart are metrics", async () => {
  const { live, change } = open();
  const registry = new Registry();
  registerConfigMetrics(registry, live);
  change("limits: {rate: 20}\nhttp: {port: 81}");
  change("nonsense: 1");
  const text = await registry.metrics();
  for (const line of [
    `config_version_info{version="${live.version()}"} 1`,
    'config_reloads_total{outcome="applied"} 1',
    'config_reloads_total{outcome="invalid"} 1',
    "config_invalid 1",
    "config_keys_pending 1",
  ]) {
    assert.ok(text.includes(line), line);
  }
});

/** Watches a file and gives, for each look, what it held when a change was told. */
function watch(t: TestContext, path: string) {
  let tell: (() => void) | undefined;
  t.after(watchFile(path, { clock: systemClock, everyMs: 20 }, () => tell?.()));
  return () => new Promise<void>((resolve) => (tell = resolve));
}

function createFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "watch-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("a file is seen to change when it is written, replaced by a rename, removed, and made again", async (t) => {
  const path = join(createFolder(t), "app.yaml");
  writeFileSync(path, "1");
  const nextChange = watch(t, path);
  await nextChange();
  for (const change of [
    () => writeFileSync(path, "2"),
    () => {
      writeFileSync(`${path}~`, "3");
      renameSync(`${path}~`, path);
    },
    () => rmSync(path),
    () => writeFileSync(path, "4"),
  ]) {
    const changed = nextChange();
    change();
    await changed;
  }
});

test("a file behind a ConfigMap's links is seen to change when the link to its folder is swapped", async (t) => {
  const folder = createFolder(t);
  for (const version of ["..v1", "..v2"]) {
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, "app.yaml"), version);
  }
  symlinkSync("..v1", join(folder, "..data"));
  symlinkSync(join("..data", "app.yaml"), join(folder, "app.yaml"));
  const nextChange = watch(t, join(folder, "app.yaml"));
  await nextChange();
  const changed = nextChange();
  symlinkSync("..v2", join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  await changed;
});
