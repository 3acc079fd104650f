import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

test("a process that does nothing but wait does not end before what it waits for", () => {
  const module = new URL("./wait-until.ts", import.meta.url).href;
  const script = `const { waitUntil } = await import(${JSON.stringify(module)});
    let asked = 0;
    await waitUntil(async () => ++asked === 3);
    console.log("ended");`;
  const said = execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" });
  assert.equal(said, "ended\n");
});
