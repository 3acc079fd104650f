import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { systemClock } from "../service/clock.ts";
import { createSeeded } from "../testing/seeded-random.ts";
import { createTempFolder } from "../testing/temp-folder.ts";
import { readSegmentFile } from "./segment.ts";
import { openSpool, type Spool, type SpoolEntry, type SpoolOptions } from "./spool.ts";

const log = pino({ level: "silent" });

function open(root: string, options: Partial<SpoolOptions> = {}) {
  const { spool, recovered } = openSpool({ root, clock: systemClock, log, ...options });
  return { spool, recovered: texts(recovered) };
}

function texts(entries: readonly SpoolEntry[]): string[] {
  return entries.map(({ record }) => Buffer.from(record).toString());
}

async function append(spool: Spool, text: string): Promise<SpoolEntry> {
  const entry = spool.append(Buffer.from(text));
  await spool.written();
  return entry;
}

/** The one folder below the root. */
function folderIn(root: string): string {
  const [folder = "", ...others] = readdirSync(root);
  assert.deepEqual(others, []);
  return join(root, folder);
}

/** As if its process had been killed: nothing is closed, and its folder is that of a process that is not there. */
function abandon(root: string): void {
  for (const [number, folder] of readdirSync(root).entries()) {
    renameSync(join(root, folder), join(root, `999999999-1-${number}`));
  }
}

test("what was appended and not dropped comes back in its order, once, and what was dropped does not", async (t) => {
  const root = createTempFolder(t);
  const first = open(root);
  assert.deepEqual(first.recovered, []);
  const entries = await Promise.all(["a", "b", "c", "d"].map((text) => append(first.spool, text)));
  for (const entry of [entries[1], entries[1], entries[3]]) if (entry) first.spool.drop(entry);
  assert.equal(first.spool.size, 2);
  await first.spool.close();

  const second = open(root);
  assert.deepEqual(
    second.recovered.filter((text) => text === "a" || text === "c"),
    ["a", "c"],
  );
  await second.spool.close();
});

test("a spool in which everything was dropped leaves no file behind", async (t) => {
  const root = createTempFolder(t);
  const { spool } = open(root);
  spool.drop(await append(spool, "a"));
  await spool.close();
  assert.deepEqual(readdirSync(root), []);
});

test("the records of one turn of the event loop are told as written together, and not before they are in the file", async (t) => {
  const root = createTempFolder(t);
  const { spool } = open(root);
  await spool.written();
  const told: string[] = [];
  for (const text of ["a", "b", "c"]) void append(spool, text).then(() => told.push(text));
  await Promise.resolve();
  assert.deepEqual([told, readdirSync(folderIn(root))], [[], []]);
  await append(spool, "d");
  assert.deepEqual(told, ["a", "b", "c"]);
  assert.deepEqual(
    texts(readSegmentFile(join(folderIn(root), "000000000001.spool")).records.map((record) => ({ record }))),
    [...["a", "b", "c", "d"]],
  );
  await spool.close();
});

test("a torn or damaged end costs the records from there on and none before it", async (t) => {
  for (const harm of [
    (path: string) => truncateSync(path, 25),
    (path: string) => appendFileSync(path, Buffer.from([9, 0, 0, 0, 1, 2, 3])),
    (path: string) => appendFileSync(path, Buffer.alloc(64)),
  ]) {
    const root = createTempFolder(t);
    const { spool } = open(root);
    await Promise.all(["first", "second", "third"].map((text) => append(spool, text)));
    await spool.close();
    const [file = ""] = readdirSync(folderIn(root));
    harm(join(folderIn(root), file));
    const again = open(root);
    assert.equal(again.recovered[0], "first");
    assert.ok(["first", "second", "third"].join().startsWith(again.recovered.join()));
    await again.spool.close();
  }
});

test("each of two processes has a folder of its own, and a living one takes up what a dead one left", async (t) => {
  const root = createTempFolder(t);
  const dead = open(root);
  await append(dead.spool, "left");
  const [left = ""] = readdirSync(root);
  const living = open(root);
  assert.equal(readdirSync(root).length, 2);
  assert.deepEqual(await runChild(root, "adopt"), [], "both are alive");

  renameSync(join(root, left), join(root, left.replace(/^(\d+)-\d+/, "$1-1")));
  assert.deepEqual(texts(living.spool.adoptOrphans()), ["left"], "its pid has been given to another process");
  await living.spool.close();
});

test("old files go as their records are dropped, and one record that stays does not keep them all", async (t) => {
  const root = createTempFolder(t);
  const { spool } = open(root, { segmentBytes: 200, maxSegments: 3 });
  const staying = await append(spool, "stays");
  for (let i = 0; i < 100; i++) spool.drop(await append(spool, `passing ${i}`.padEnd(100)));
  await append(spool, "last");
  const files = readdirSync(folderIn(root)).filter((name) => name.endsWith(".spool"));
  assert.ok(files.length <= 5, `${files.length} files`);
  abandon(root);
  const recovered = await runChild(root, "adopt");
  assert.deepEqual([...new Set(recovered.filter((text) => !text.startsWith("passing")))].sort(), ["last", "stays"]);
  assert.equal(spool.size, 2);
  spool.drop(staying);
  await spool.close();
});

test("a write that fails is told to those who wait for it, and the next one that succeeds counts again", async (t) => {
  const root = createTempFolder(t);
  const { spool } = open(root, { segmentBytes: 100 });
  await append(spool, "fits".padEnd(120));
  // The next file cannot be made while its name is taken.
  writeFileSync(join(folderIn(root), "000000000002.spool"), "");
  await assert.rejects(append(spool, "lost"), { code: "EEXIST" });
  assert.equal(spool.isWritable, false);
  assert.equal(spool.size, 1);
  await append(spool, "next");
  assert.equal(spool.isWritable, true);
  await spool.close();
});

test("a record is of 1 byte to 1 MiB", async (t) => {
  const { spool } = open(createTempFolder(t));
  assert.throws(() => spool.append(new Uint8Array(0)), RangeError);
  assert.throws(() => spool.append(new Uint8Array(1_048_577)), RangeError);
});

test("whatever is appended, dropped and cut short by a crash, nothing that was written and not dropped is missing", async (t) => {
  const seed = 20_261_125;
  const { between } = createSeeded(seed);
  const root = createTempFolder(t);
  const wanted = new Set<string>();
  for (let life = 0; life < 8; life++) {
    const { spool, recovered } = openSpool({ root, clock: systemClock, log, segmentBytes: 2_000, maxSegments: 3 });
    const found = texts(recovered);
    for (const text of wanted) assert.ok(found.includes(text), `seed ${seed}, life ${life}: ${text} is missing`);
    const entries = new Map(recovered.map((entry, i) => [found[i] ?? "", entry]));
    for (let step = 0; step < 200; step++) {
      const text = `${life}.${step}`.padEnd(between(1, 120));
      if (between(0, 2) > 0) {
        entries.set(text, await append(spool, text));
        wanted.add(text);
      } else {
        const [oldest] = [...entries].slice(between(0, Math.max(0, entries.size - 1)));
        if (!oldest) continue;
        spool.drop(oldest[1]);
        entries.delete(oldest[0]);
        wanted.delete(oldest[0]);
      }
    }
    await spool.close();
  }
});

test("a process killed with signal 9 while it appends loses nothing of what it was told is written", async (t) => {
  const root = createTempFolder(t);
  for (let round = 0; round < 5; round++) {
    const child = spawn(process.execPath, [
      new URL("./testdata/appender.ts", import.meta.url).pathname,
      root,
      "append",
    ]);
    let told = "";
    child.stdout.on("data", (chunk) => {
      told += chunk;
      if (told.length > 20_000) child.kill("SIGKILL");
    });
    await once(child, "close");
    const written = told.slice(0, told.lastIndexOf("\n")).split("\n");
    const recovered = new Set(await runChild(root, "adopt"));
    assert.ok(written.length > 100);
    for (const text of written) assert.ok(recovered.has(text), `${text} was written and is missing`);
  }
});

test("of processes that start at once each has a folder of its own, and what a dead one left is one's", async (t) => {
  const root = createTempFolder(t);
  for (let round = 0; round < 10; round++) {
    const { spool } = open(root);
    await append(spool, `left ${round}`);
    abandon(root);
    const found = await Promise.all([0, 1, 2, 3].map(() => runChild(root, "adopt")));
    assert.deepEqual(found.flat(), [`left ${round}`]);
    assert.deepEqual(readdirSync(root), []);
  }
});

async function runChild(root: string, task: "adopt"): Promise<string[]> {
  const child = spawn(process.execPath, [new URL("./testdata/appender.ts", import.meta.url).pathname, root, task]);
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0);
  return output.split("\n").filter((line) => line !== "");
}
