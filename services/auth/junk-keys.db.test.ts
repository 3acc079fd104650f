import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

/** Ten million take half a minute: SCENARIO_FULL=1 asks for them. */
const count = process.env["SCENARIO_FULL"] === "1" ? 10_000_000 : 100_000;
const seed = 15;
const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

test("I15: junk of a key's form is refused without one look-up", async (t) => {
  const { ops, sql } = await startTestService({ after }, auth, { clients: {} });
  const seeded = createSeeded(seed);
  t.diagnostic(`seed ${seed}`);
  await sql.begin(async (tx) => {
    await tx`lock table key_secret, key in access exclusive mode`;
    // A look-up would wait for the lock until the test times out.
    for (let i = 0; i < count; i++) {
      let body = "";
      for (let at = 0; at < 36; at++) body += alphabet.charAt(seeded.between(0, 61));
      const verdict = await ops.verifyKey({ secret: new Secret(`lyss_${body}`) });
      if (verdict.isVerified || verdict.reason !== "malformed") assert.fail(`lyss_${body}`);
    }
  });
});
