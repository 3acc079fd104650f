import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createQuietNotes } from "./quiet-notes.ts";

function start() {
  const clock = createFakeClock();
  const notes = createQuietNotes<string>({ clock, quietMs: 60_000, againMs: 5_000 });
  const publish = async (tell: (note: string) => boolean = () => true) => {
    const told: string[] = [];
    await notes.publish(async (note) => {
      told.push(note);
      return tell(note);
    });
    return told;
  };
  return { clock, notes, publish };
}

test("the same is told once in a while, however often it happens; something else at once", async () => {
  const { clock, notes, publish } = start();
  for (let time = 0; time < 3; time++) notes.note("a", `a${time}`);
  notes.note("b", "b0");
  assert.deepEqual(await publish(), ["a0", "b0"]);
  for (const wait of [0, 59_999]) {
    clock.advance(wait);
    notes.note("a", "too early");
    assert.deepEqual(await publish(), []);
  }
  clock.advance(1);
  notes.note("a", "a9");
  assert.deepEqual(await publish(), ["a9"]);
});

test("what another process has told is asked for again soon", async () => {
  const { clock, notes, publish } = start();
  notes.note("a", "a0");
  assert.deepEqual(await publish(() => false), ["a0"]);
  notes.note("a", "too early");
  assert.deepEqual(await publish(), []);
  clock.advance(5_000);
  notes.note("a", "a1");
  assert.deepEqual(await publish(), ["a1"]);
});

test("what cannot be told stays noted, and holds up nothing else", async () => {
  const { notes, publish } = start();
  notes.note("a", "a0");
  notes.note("b", "b0");
  const told: string[] = [];
  const telling = publish((note) => {
    if (note === "a0") throw new Error("the database is away");
    return told.push(note) > 0;
  });
  await assert.rejects(telling, /away/);
  assert.deepEqual([told, await publish()], [["b0"], ["a0"]]);
});
