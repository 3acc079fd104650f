import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CacheDriver } from "./cache-driver.ts";

export interface DriverContractOptions {
  /** An empty driver for each test. */
  readonly open: (t: { after(work: () => void): void }) => Promise<CacheDriver>;
  /** Resolves when so much time has passed for the driver. */
  readonly pass: (ms: number) => Promise<void>;
}

/** Declares what holds for every driver of the second tier. */
export function runDriverContract(title: string, { open, pass }: DriverContractOptions): void {
  describe(title, () => {
    test("a text is read as it was written, whatever is in it", async (t) => {
      const driver = await open(t);
      for (const [i, text] of ["", "a\nb", "\u0000", "价格 ☃ 😀", "x".repeat(100_000)].entries()) {
        const { text: before, stamp } = await driver.read(`key ${i}`, ["all", "m 1"]);
        assert.equal(before, undefined);
        await driver.write(`key ${i}`, text, 60_000, stamp);
        assert.equal((await driver.read(`key ${i}`, ["all", "m 1"])).text, text);
      }
    });

    test("a withdrawn mark makes every text under it invalid, and no other", async (t) => {
      const driver = await open(t);
      for (const [key, mark] of [
        ["a", "one"],
        ["b", "two"],
      ] as const) {
        await driver.write(key, key, 60_000, (await driver.read(key, ["all", mark])).stamp);
      }
      await driver.withdraw(["one"]);
      assert.equal((await driver.read("a", ["all", "one"])).text, undefined);
      assert.equal((await driver.read("b", ["all", "two"])).text, "b");
      await driver.withdraw(["all"]);
      assert.equal((await driver.read("b", ["all", "two"])).text, undefined);
    });

    test("what was loaded before a withdrawal and is written after it is never read", async (t) => {
      const driver = await open(t);
      const { stamp } = await driver.read("a", ["all", "one"]);
      await driver.withdraw(["one"]);
      await driver.write("a", "old", 60_000, stamp);
      assert.equal((await driver.read("a", ["all", "one"])).text, undefined);
    });

    test("readers that come together to an unknown mark agree on it", async (t) => {
      const driver = await open(t);
      const reads = await Promise.all(Array.from({ length: 50 }, () => driver.read("a", ["all", "one"])));
      assert.equal(new Set(reads.map(({ stamp }) => stamp)).size, 1);
    });

    test("a text ends with its time", async (t) => {
      const driver = await open(t);
      await driver.write("a", "text", 30, (await driver.read("a", ["all"])).stamp);
      assert.equal((await driver.read("a", ["all"])).text, "text");
      await pass(60);
      assert.equal((await driver.read("a", ["all"])).text, undefined);
    });

    test("withdrawing what is unknown, or nothing, is no error and may be repeated", async (t) => {
      const driver = await open(t);
      await driver.withdraw([]);
      await driver.withdraw(["never seen"]);
      await driver.withdraw(["never seen"]);
    });
  });
}
