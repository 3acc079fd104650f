import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { UserService, UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createUserRpc } from "./rpc.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

let sessions = 0;
const servePeers: Parameters<typeof peersThatServe>[0] = ({ rpc }) => {
  rpc(AuthService.method.startSession, ({ userId }) => ({
    result: {
      case: "tokens",
      value: {
        accessToken: `token of ${userId}`,
        expiresInSeconds: 900,
        refreshToken: "lyr_1",
        refreshExpiresInSeconds: 60,
        sessionId: `ses_${++sessions}`,
      },
    },
  }));
};
const clients = peersThatServe(servePeers);
const { ops, random } = await startTestService({ after }, user, { clients });
const password = "correct horse battery";

eachTransport("user", (serve) => {
  test("a peer creates a person, who signs in, also after the password was replaced", async () => {
    await using served = await serve(UserService, createUserRpc(ops));
    const { client } = served;
    const email = `${random.id("Ann")}@Example.com`;
    const created = await client.createUser({ tenantId: "ten_a", email, password, name: "Ann" });
    assert.equal(created.email, email.toLowerCase());
    assert.equal(created.role, "member");
    assert.equal(created.status, UserStatus.ACTIVE);
    const { userId } = created;
    assert.deepEqual(await client.getUser({ userId }), created);
    assert.deepEqual(await client.getUser({ userId, tenantId: "ten_a" }), created);
    const foreign = client.getUser({ userId, tenantId: "ten_b" });
    await assert.rejects(foreign, (err) => isFailure(err, userFailures.not_found));
    const again = client.createUser({ tenantId: "ten_b", email: email.toUpperCase(), password, name: "Eve" });
    await assert.rejects(again, (err) => isFailure(err, userFailures.email_taken));

    assert.equal((await client.signIn({ email, password })).accessToken, `token of ${userId}`);
    assert.equal((await client.setPassword({ email, password: `${password}2` })).userId, userId);
    const old = client.signIn({ email, password });
    await assert.rejects(old, (err) => isFailure(err, userFailures.invalid_credentials));
    assert.equal((await client.signIn({ email: ` ${email}`, password: `${password}2` })).userId, userId);
    assert.equal(served.logLines.join("\n").includes(password), false);

    await ops.flushRefusedSignIns();
    const { events, nextCursor } = await client.listUserAudit({ userId, tenantId: "ten_a", limit: 4 });
    const acts = ["sign_in_refused", "signed_in", "password_set", "signed_in"].map((act) => `user.audit.${act}`);
    assert.deepEqual(events.map(({ eventType }) => eventType).sort(), acts.sort());
    assert.deepEqual(
      events.map(({ version }) => version),
      [5n, 4n, 3n, 2n],
    );
    assert.equal(events[0]?.eventData?.previousHash.length, 32);
    const rest = await client.listUserAudit({ userId, cursor: nextCursor, eventTypes: ["user.audit.created"] });
    assert.deepEqual([rest.events.length, rest.events[0]?.version, rest.nextCursor], [1, 1n, ""]);
    const verdict = await client.verifyUserAudit({ userId });
    assert.deepEqual([verdict.isIntact, verdict.entries, verdict.brokenVersion], [true, 5n, 0n]);
    const others = client.listUserAudit({ userId, tenantId: "ten_b" });
    await assert.rejects(others, (err) => isFailure(err, userFailures.not_found));
  });

  test("bad input names the field, a bad password says what a good one is, and neither is repeated", async () => {
    await using served = await serve(UserService, createUserRpc(ops));
    const good = { tenantId: "ten_a", email: "bob@example.com", password, name: "Bob", role: "member" };
    const cases: readonly (readonly [field: string, value: string])[] = [
      ["tenantId", ""],
      ["email", "bob"],
      ["email", `${"b".repeat(250)}@example.com`],
      ["password", ""],
      ["password", "x".repeat(1_001)],
      ["name", " "],
      ["role", "The Root"],
    ];
    for (const [field, value] of cases) {
      await assert.rejects(served.client.createUser({ ...good, [field]: value }), (err) => {
        return isFailure(err, kitFailures.invalid_request) && err.details["field"] === field;
      });
    }
    const short = served.client.createUser({ ...good, password: "hunter2-hunt".slice(0, 11) });
    await assert.rejects(short, (err) => {
      assert.ok(isFailure(err, userFailures.password_length));
      assert.deepEqual(err.details, { minLength: 12, maxLength: 200 });
      return true;
    });
    assert.equal(served.logLines.join("\n").includes("hunter2"), false);
  });
});
