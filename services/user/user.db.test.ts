import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { type Failure, type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

const clock = createFakeClock();
let sessions = 0;
/** Auth as far as sign-in asks it; the real one is asked in `user.rpc.test.ts`. */
const servePeers: Parameters<typeof peersThatServe>[0] = ({ rpc }) => {
  rpc(AuthService.method.startSession, (request) => ({
    result: {
      case: "tokens",
      value: { accessToken: JSON.stringify(request), expiresInSeconds: 900, sessionId: `ses_${++sessions}` },
    },
  }));
};
const service = await startTestService({ after }, user, {
  clients: peersThatServe(servePeers),
  config: { user: { freeFailuresPerAccount: 2, freeFailuresPerAddress: 4, maxRememberedFailures: 1_000 } },
  clock,
});
const { ops, sql, random } = service;
const password = new Secret("correct horse battery");
const wrong = new Secret("wrong horse battery");

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);
const newEmail = () => `${random.id("p")}@example.com`;

function createUser(input: Partial<Parameters<typeof ops.createUser>[0]> = {}) {
  return ops.createUser({ tenantId: "ten_a", email: newEmail(), password, name: "Ann", role: "member", ...input });
}

/** What a sign-in answers: `ok`, or the failure's code. */
async function signIn(email: string, secret: Secret, clientAddress = ""): Promise<string> {
  try {
    await ops.signIn({ email, password: secret, clientAddress });
    return "ok";
  } catch (err) {
    return (err as Failure).type.code;
  }
}

test("a person signs in with the right password and gets a token for the right tenant and role", async () => {
  const { userId, email } = await createUser({ role: "admin" });
  const { accessToken } = await ops.signIn({ email, password, clientAddress: "192.0.2.1" });
  const asked = JSON.parse(accessToken);
  assert.equal(asked.userId, userId);
  assert.equal(asked.tenantId, "ten_a");
  assert.equal(asked.role, "admin");
});

test("an unknown account, a wrong password and a person who is not active look the same", async () => {
  const [known, suspended] = [await createUser(), await createUser()];
  await sql`update person set status = 'suspended' where user_id = ${suspended.userId}`;
  const attempts = [
    ops.signIn({ email: newEmail(), password, clientAddress: "" }),
    ops.signIn({ email: known.email, password: wrong, clientAddress: "" }),
    ops.signIn({ email: suspended.email, password, clientAddress: "" }),
  ];
  const refusals = await Promise.all(attempts.map((attempt) => attempt.catch((err) => err)));
  for (const err of refusals) {
    assert.ok(isFailure(err, userFailures.invalid_credentials));
    assert.deepEqual(err.details, {});
  }
});

test("an account is slowed down after too many failures, the same whether it exists or not", async () => {
  const { email: known } = await createUser();
  for (const email of [known, newEmail()]) {
    const attempts = [await signIn(email, wrong), await signIn(email, wrong), await signIn(email, password)];
    const invalid = "user.invalid_credentials";
    assert.deepEqual(attempts, [invalid, invalid, "user.too_many_attempts"], email);
  }
  clock.advance(999);
  const early = ops.signIn({ email: known, password, clientAddress: "" });
  await assert.rejects(early, (err) => isFailure(err, userFailures.too_many_attempts) && err.retryAfterMs === 1);
  clock.advance(1);
  assert.equal(await signIn(known, password), "ok");
  assert.equal(await signIn(known, wrong), "user.invalid_credentials", "success forgets the failures");
});

test("twenty guesses at once get no more tries than twenty in a row", async () => {
  const { email } = await createUser();
  const answers = await Promise.all(Array.from({ length: 20 }, () => signIn(email, wrong)));
  assert.equal(answers.filter((answer) => answer === "user.invalid_credentials").length, 2);
});

test("one address that tries many accounts is slowed down, and success there does not reset it", async () => {
  const address = "2001:db8:5::1";
  const { email } = await createUser();
  for (let i = 0; i < 3; i++) assert.equal(await signIn(newEmail(), wrong, address), "user.invalid_credentials");
  assert.equal(await signIn(email, password, address), "ok");
  assert.equal(await signIn(newEmail(), wrong, "2001:db8:5::2"), "user.invalid_credentials");
  assert.equal(await signIn(newEmail(), wrong, "2001:db8:5::3"), "user.too_many_attempts");
  assert.equal(await signIn(email, password, "2001:db8:6::1"), "ok", "another network is not concerned");
});

test("the table of failures holds no account and no address, and is bounded", async () => {
  const email = newEmail();
  await signIn(email, wrong, "203.0.113.7");
  const rows = JSON.stringify(await sql`select * from sign_in_failure`);
  assert.equal(rows.includes(email) || rows.includes("203.0.113.7"), false);

  await sql`insert into sign_in_failure select 'old' || i, 1, ${new Date(clock.nowMs() - 1_000)}
    from generate_series(1, 1500) i`;
  await ops.sweepFailures();
  const count = async () => (await sql`select count(*)::int as rows from sign_in_failure`)[0]?.rows;
  assert.equal(await count(), 1_000);
  clock.advance(86_400_000);
  await ops.sweepFailures();
  assert.equal(await count(), 0);
});

test("an e-mail address belongs to one person, also when two are created at once", async () => {
  const email = newEmail();
  const results = await Promise.allSettled([createUser({ email }), createUser({ email, tenantId: "ten_b" })]);
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 1);
  assert.ok(isFailure(refused[0]?.reason, userFailures.email_taken));
});

test("a new person is told to others without the password", async () => {
  const { userId, email } = await createUser();
  const [event, ...more] = (await service.listEvents()).filter(
    ({ key, type }) => key === userId && !type.startsWith("user.audit."),
  );
  assert.deepEqual(more, []);
  assert.equal(event?.type, "user.created");
  const { createdAt, ...data } = event.data;
  assert.equal(Date.parse(String(createdAt)), clock.nowMs());
  assert.deepEqual(data, {
    userId,
    email,
    name: "Ann",
    tenantId: "ten_a",
    role: "member",
    status: "USER_STATUS_ACTIVE",
    version: "1",
  });
});

test("a person of another tenant does not exist, and lists show one's own tenant only", async () => {
  const tenantId = random.id("ten");
  const mine: string[] = [];
  for (let i = 0; i < 3; i++) {
    clock.advance(1);
    mine.unshift((await createUser({ tenantId })).userId);
  }
  const [userId = ""] = mine;
  assert.equal((await ops.getUser({ userId, tenantId })).userId, userId);
  assert.equal((await ops.getUser({ userId, tenantId: undefined })).userId, userId);
  await assert.rejects(ops.getUser({ userId, tenantId: "ten_a" }), failsWith(userFailures.not_found));
  const first = await ops.listUsers({ tenantId, limit: 2 });
  const second = await ops.listUsers({ tenantId, limit: 2, cursor: first.nextCursor });
  assert.deepEqual(
    [...first.rows, ...second.rows].map((row) => row.userId),
    mine,
  );
});

test("a password that was set replaces the one before", async () => {
  const { email, userId } = await createUser();
  assert.deepEqual(await ops.setPassword({ email, password: new Secret("another horse battery") }), { userId });
  assert.equal(await signIn(email, password), "user.invalid_credentials");
  assert.equal(await signIn(email, new Secret("another horse battery")), "ok");
  const unknown = ops.setPassword({ email: newEmail(), password });
  await assert.rejects(unknown, failsWith(userFailures.not_found));
  const short = ops.setPassword({ email, password: new Secret("short") });
  await assert.rejects(short, failsWith(userFailures.password_length));
});
