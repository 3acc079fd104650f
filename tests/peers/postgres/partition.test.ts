import { test } from "node:test";
import { withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { billing, loseDatabase } from "../../scenarios/lose-database.ts";
import { runPlatformBehind } from "../../scenarios/platform-behind.ts";

const limits = { timeout: 120_000 };

test("R12: a network that swallows everything on the way to the database is an outage like any other", limits, (t) =>
  withSeed(13, async (seed) => {
    const rig = await runPlatformBehind(t, seed, { billing });
    await loseDatabase(rig, {
      lose: () => rig.toDatabase.set({ isPartitioned: true }),
      restore: () => rig.toDatabase.heal(),
      // A call whose deadline comes before the session is given up is told of its deadline.
      codes: ["503 KIT_007", "504 KIT_008"],
    });
  }),
);
