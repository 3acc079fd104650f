import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userFactorsReset } from "@lyss/contracts/events/user.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "../service.ts";
import { createFactorPeople, withPassword } from "./testdata/factor-people.ts";

const clock = createFakeClock();
const { ops, random, sql, say, hear, untilHeard, listEvents } = await startTestService({ after }, auth, {
  clients: {},
  clock,
});
const { withTotp, withPasskey } = createFactorPeople({ ops, clock, random });

test("whose factors are reset has none, no recovery code and no session any more, and signs in with the password", async () => {
  const { ann } = await withTotp();
  await withPasskey(ann);
  const { ann: bob } = await withTotp();
  const { tenantId, userId } = ann;
  assert.equal((await ops.beginSession({ tenantId, userId, ...withPassword })).kind, "factor_required");
  await hear();
  for (const _repeat of [1, 2])
    await say(userFactorsReset, { tenantId, userId, actorId: "usr_admin", clientAddress: "192.0.2.1" });
  await untilHeard();

  assert.equal((await ops.checkSession({ sessionId: ann.sessionId })).isActive, false);
  assert.equal((await ops.checkSession({ sessionId: bob.sessionId })).isActive, true, "others keep theirs");
  for (const table of ["factor", "recovery_code", "factor_holder", "sign_in_challenge"]) {
    assert.equal((await sql`select from ${sql(table)} where user_id = ${userId}`).length, 0, table);
  }
  const removed = (await listEvents()).filter(
    ({ type, data }) => type === "factor.removed" && data["userId"] === userId,
  );
  assert.deepEqual(removed.map(({ data }) => [data["kind"], data["actorId"], data["clientAddress"]]).sort(), [
    ["FACTOR_KIND_PASSKEY", "usr_admin", "192.0.2.1"],
    ["FACTOR_KIND_TOTP", "usr_admin", "192.0.2.1"],
  ]);
  assert.equal((await ops.beginSession({ tenantId, userId, ...withPassword })).kind, "tokens");
});
