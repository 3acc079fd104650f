import assert from "node:assert/strict";
import { test } from "node:test";
import { withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { billing, loseDatabase } from "./lose-database.ts";
import { runPlatformBehind } from "./platform-behind.ts";

const limits = { timeout: 120_000 };

test(
  "R12, T4: with the database down nothing goes upstream unreserved, callers hear 503, and all is settled after",
  limits,
  (t) =>
    withSeed(12, async (seed) => {
      const rig = await runPlatformBehind(t, seed, { billing });
      const { toDatabase, platform } = rig;
      await loseDatabase(rig, {
        lose() {
          toDatabase.set({ onConnect: "reset" });
          toDatabase.reset();
        },
        restore: () => toDatabase.heal(),
        codes: ["503 KIT_007"],
      });
      assert.doesNotThrow(() => process.kill(platform.pid, 0), "the process has ended");
    }),
);
