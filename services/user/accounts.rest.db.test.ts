import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { AuthService, type EndSessionsRequest } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

/** Auth as far as accounts ask it: it notes whose sessions end, and can be away. */
const asked: { ends: EndSessionsRequest[]; isAway: boolean } = { ends: [], isAway: false };
const servePeers: Parameters<typeof peersThatServe>[0] = ({ rpc }) => {
  rpc(AuthService.method.endSessions, (request) => {
    if (asked.isAway) throw new ConnectError("away", Code.Unavailable);
    asked.ends.push(request);
    return { ended: 1 };
  });
};
const clock = createFakeClock();
const mailServer = await startMailServer({ after });
const { ops, jobs, random, sql } = await startTestService({ after }, user, {
  clients: peersThatServe(servePeers),
  config: {
    mail: { url: mailServer.url, from: "Lyss <no-reply@lyss.test>" },
    user: { maxMailsPerMailbox: 3, maxMailsPerAddress: 40 },
  },
  clock,
  publicUrl: "https://lyss.test",
});
/** The bearer token is the caller: `<person>/<session>/<key>/<anything, of one with a second factor>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [userId, sessionId = "", keyId = "", factor = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!userId) return undefined;
    const none = { operatorId: "", models: [], signedInMs: 0, factorMs: 0, provenMs: 0, hasFactor: factor !== "" };
    return { tenantId: "ten_a", userId, keyId, sessionId, permissions: ["user:read"], ...none };
  },
});
after(() => server.close());
const { call } = server;

const password = "correct horse battery";
const next = "another horse battery";

async function createPerson(name = "Ann") {
  const email = `${random.id("p")}@example.com`;
  const input = { tenantId: "ten_a", email, password: new Secret(password), name, role: "member" } as const;
  const { userId } = await ops.createUser(input);
  return { userId, email };
}

/** What has come for an address, the last one first, after everything that waits was sent. */
async function mailsTo(email: string) {
  await jobs?.find(({ name }) => name === "send-mails")?.run(new AbortController().signal);
  return mailServer.received.filter(({ to }) => to.includes(email)).reverse();
}

/** The token of the last link that came for an address. */
async function linkTo(email: string, action: string): Promise<string> {
  const [mail] = await mailsTo(email);
  const [, token] = new RegExp(`https://lyss.test/account#${action}=([\\w-]{43})`).exec(mail?.text ?? "") ?? [];
  assert.ok(token, `no ${action} link in ${mail?.text}`);
  return token;
}

const passwordIs = async (email: string, text: string) => {
  const [row] = await sql<{ userId: string }[]>`select user_id as "userId" from person where email = ${email}`;
  const tried = await call(`${row?.userId}/ses_x`, "POST", "/v1/users/me/email", {
    email: "x@example.org",
    password: text,
  });
  return tried.status === 202;
};

test("who has a second factor proves it anew before the password or the address changes; others show their password", async () => {
  const { userId, email } = await createPerson();
  const changes = [
    ["/v1/users/me/password", { old_password: password, password: next }],
    ["/v1/users/me/email", { email: `${random.id("n")}@example.com`, password: next }],
  ] as const;
  for (const [path, body] of changes) {
    const refused = await call(`${userId}/ses_1//factor`, "POST", path, body);
    assert.deepEqual([refused.status, refused.json.error.code], [403, "KIT_017"], path);
  }
  for (const [path, body] of changes) {
    const { status } = await call(`${userId}/ses_1`, "POST", path, body);
    assert.ok(status === 200 || status === 202, path);
  }
  assert.equal(await passwordIs(email, next), true);
});

test("P2: whoever reads the person's mails sets a new password, once, and every session ends", async () => {
  const { userId, email } = await createPerson();
  const request = await call("", "POST", "/api/v1/users/password-reset", { email: email.toUpperCase() });
  assert.deepEqual([request.status, request.json], [202, { object: "mail.requested" }]);
  const token = await linkTo(email, "reset");
  const confirm = (body: object) => call("", "POST", "/v1/users/password-reset/confirm", body);
  assert.equal((await confirm({ token, password: "short" })).json.error.code, "USER_005", "uses nothing up");
  const done = await confirm({ token, password: next });
  assert.deepEqual([done.status, done.json.user_id], [200, userId]);
  const end = asked.ends.at(-1);
  assert.deepEqual([end?.userId, end?.tenantId, end?.exceptSessionId], [userId, "ten_a", ""]);
  const again = await confirm({ token, password: `${next}!` });
  assert.deepEqual([again.status, again.json.error.code], [400, "USER_011"]);
  assert.equal(await passwordIs(email, next), true);
  assert.match((await mailsTo(email)).map(({ subject }) => subject).join("|"), /Your password was replaced/);
  const rows = JSON.stringify(await sql`select encode(token_hash, 'hex') as hash, * from account_token`);
  assert.equal(rows.includes(token), false);
});

test("P2: nobody is told whether an address is somebody's, and nothing is sent to those who are not active", async () => {
  const { userId, email } = await createPerson();
  await sql`update person set status = 'suspended' where user_id = ${userId}`;
  for (const to of [email, `${random.id("nobody")}@example.com`]) {
    const { status, json } = await call("", "POST", "/v1/users/password-reset", { email: to });
    assert.deepEqual([status, json], [202, { object: "mail.requested" }]);
    assert.deepEqual((await mailsTo(to)).length, 0);
  }
});

test("P2: a link is good for an hour, the last of its kind only, and for nothing else", async () => {
  const { email } = await createPerson();
  const ask = () => call("", "POST", "/v1/users/password-reset", { email });
  await ask();
  const first = await linkTo(email, "reset");
  await ask();
  const second = await linkTo(email, "reset");
  const confirm = async (token: string) =>
    (await call("", "POST", "/v1/users/password-reset/confirm", { token, password: next })).status;
  assert.equal(await confirm(first), 400);
  assert.equal((await call("", "POST", "/v1/users/verify-email", { token: second })).status, 400);
  clock.advance(3_600_000);
  assert.equal(await confirm(second), 400);
  assert.equal(await confirm(second.replace(/./, "_")), 400);
  await ops.sweepAccounts();
  assert.equal((await sql`select from account_token where email = ${email}`).length, 0);
});

test("P2: of a hundred uses of one link at once, one counts", async () => {
  const { email } = await createPerson();
  await call("", "POST", "/v1/users/password-reset", { email });
  const token = await linkTo(email, "reset");
  const uses = Array.from({ length: 20 }, (_, n) =>
    call("", "POST", "/v1/users/password-reset/confirm", { token, password: `${next} ${n}` }),
  );
  const statuses = (await Promise.all(uses)).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 200).length, 1, statuses.join(" "));
});

test("P2: a mailbox gets three mails an hour, a network address asks for forty, and says when more", async () => {
  const { email } = await createPerson();
  for (let n = 0; n < 5; n++) {
    assert.equal((await call("", "POST", "/v1/users/password-reset", { email })).status, 202);
  }
  assert.equal((await mailsTo(email)).length, 3);
  let refused: Awaited<ReturnType<typeof call>> | undefined;
  for (let n = 0; n < 50 && !refused; n++) {
    const answer = await call("", "POST", "/v1/users/password-reset", { email: `${random.id("x")}@example.com` });
    if (answer.status !== 202) refused = answer;
  }
  assert.deepEqual([refused?.status, refused?.json.error.code], [429, "USER_012"]);
  assert.ok(Number(refused?.headers.get("retry-after")) > 3_000);
  clock.advance(3_600_000);
});

test("a password is changed by who knows the old one; other sessions end, guesses are slowed down", async () => {
  const { userId, email } = await createPerson();
  const change = (body: object, token = `${userId}/ses_1`) => call(token, "POST", "/api/v1/users/me/password", body);
  const wrong = await change({ old_password: "wrong horse battery", password: next });
  assert.deepEqual([wrong.status, wrong.json.error.code], [403, "USER_013"]);
  const same = await change({ old_password: password, password });
  assert.deepEqual([same.status, same.json.error.code], [400, "USER_014"]);
  const common = await change({ old_password: password, password: "password1234" });
  assert.equal(common.json.error.code, "USER_006");
  assert.equal((await change({ old_password: password, password: next })).status, 200);
  const end = asked.ends.at(-1);
  assert.deepEqual([end?.userId, end?.exceptSessionId, end?.actorId], [userId, "ses_1", userId]);
  assert.equal(await passwordIs(email, next), true);

  assert.equal(
    (await change({ old_password: next, password }, `${userId}//key_1`)).status,
    403,
    "a key is not its person",
  );
  const other = await createPerson();
  const foreign = await call(`${userId}/ses_1`, "POST", `/v1/users/${other.userId}/password`, {
    old_password: password,
    password: next,
  });
  assert.equal(foreign.status, 404);
  for (let n = 0; n < 5; n++) await change({ old_password: "wrong horse battery", password: next });
  const slowed = await change({ old_password: next, password: `${next}!` });
  assert.deepEqual([slowed.status, slowed.json.error.code], [429, "USER_004"]);
  clock.advance(86_400_000);
});

test("P2: sessions end also when auth was away at the change", async () => {
  const { userId, email } = await createPerson();
  await call("", "POST", "/v1/users/password-reset", { email });
  asked.isAway = true;
  const token = await linkTo(email, "reset");
  assert.equal((await call("", "POST", "/v1/users/password-reset/confirm", { token, password: next })).status, 200);
  const ended = () => asked.ends.filter((end) => end.userId === userId).length;
  assert.equal(ended(), 0);
  asked.isAway = false;
  await ops.flushSessionEnds();
  await ops.flushSessionEnds();
  assert.equal(ended(), 1);
});

test("P3: an address is confirmed once, and resending has an end", async () => {
  const { userId, email } = await createPerson();
  const resend = () => call(`${userId}/ses_1`, "POST", "/v1/users/me/email-verification");
  for (let n = 0; n < 3; n++) {
    clock.advance(1);
    assert.equal((await resend()).status, 202);
  }
  assert.equal((await resend()).status, 429);
  const token = await linkTo(email, "verify");
  const confirmed = await call("", "POST", "/api/v1/users/verify-email", { token });
  assert.deepEqual([confirmed.status, confirmed.json], [200, { object: "email", email }]);
  assert.equal((await call("", "POST", "/v1/users/verify-email", { token })).status, 400);
  const done = await resend();
  assert.deepEqual([done.status, done.json.error.code], [409, "USER_015"]);
});

test("P3: a new address counts once it is confirmed, the old one is told, and one that is taken meanwhile is refused", async () => {
  const [ann, bob] = [await createPerson("Ann"), await createPerson("Bob")];
  const to = `${random.id("new")}@example.com`;
  const ask = (body: object) => call(`${ann.userId}/ses_1`, "POST", "/v1/users/me/email", body);
  assert.equal((await ask({ email: to, password: "wrong horse battery" })).status, 403);
  assert.equal((await ask({ email: to, password })).status, 202);
  const [notice] = await mailsTo(ann.email);
  assert.match(notice?.subject ?? "", /about to change/);
  assert.ok(notice?.text.includes(to));
  const token = await linkTo(to, "verify");
  assert.equal((await ops.getUser({ userId: ann.userId, tenantId: undefined })).email, ann.email);
  assert.equal((await call("", "POST", "/v1/users/verify-email", { token })).json.email, to);
  assert.equal((await ops.getUser({ userId: ann.userId, tenantId: undefined })).email, to);
  assert.match((await mailsTo(ann.email))[0]?.subject ?? "", /has changed/);

  const taken = await ask({ email: bob.email, password });
  assert.deepEqual([taken.status, taken.json], [202, { object: "mail.requested" }], "tells nothing");
  const late = await call("", "POST", "/v1/users/verify-email", { token: await linkTo(bob.email, "verify") });
  assert.deepEqual([late.status, late.json.error.code], [409, "USER_002"]);
});

test("mails are in the person's language, and a name in them is a name and no markup", async () => {
  const { userId, email } = await createPerson("<b>安</b>");
  await sql`update person set locale = 'zh_CN' where user_id = ${userId}`;
  await call("", "POST", "/v1/users/password-reset", { email });
  const [mail] = await mailsTo(email);
  assert.equal(mail?.subject, "设置新密码");
  assert.match(mail?.text ?? "", /<b>安<\/b>，您好：[\s\S]*且只能使用一次/);
  const markup = Buffer.from(mail?.raw.split("text/html")[1]?.split("\r\n\r\n")[1] ?? "", "base64").toString();
  assert.equal(`${mail?.raw}${markup}`.includes("<p><b>"), false);
});

test("bad input names the field, in both languages; unknown fields are refused", async () => {
  const { userId } = await createPerson();
  const cases: readonly (readonly [path: string, body: object, field: string])[] = [
    ["password-reset", {}, "email"],
    ["password-reset", { email: "x".repeat(255) }, "email"],
    ["password-reset", { email: "a@b.cd", locale: "x" }, "locale"],
    ["password-reset/confirm", { token: "x", password: next }, "token"],
    ["password-reset/confirm", { token: "x".repeat(129), password: next }, "token"],
    ["password-reset/confirm", { token: "x".repeat(43) }, "password"],
    ["verify-email", { token: 7 }, "token"],
    ["me/password", { old_password: "", password: next }, "old_password"],
    ["me/email", { email: "nobody", password }, "email"],
    ["me/email", { email: "a@example.com", password, verified: true }, "verified"],
  ];
  for (const [path, body, field] of cases) {
    const { status, json } = await call(`${userId}/ses_1`, "POST", `/v1/users/${path}`, body);
    assert.deepEqual([status, json.error.details.field], [400, field], path);
    assert.notEqual(json.error.message_i18n.zh_CN, json.error.message_i18n.en_US);
  }
});

test("the page of links holds nothing but its own script, and no other page may hold it", async () => {
  const answer = await fetch(`${server.url}/account`);
  assert.equal(answer.status, 200);
  const text = await answer.text();
  const policy = answer.headers.get("content-security-policy") ?? "";
  const [, script = ""] = /<script>([\s\S]*)<\/script>/.exec(text) ?? [];
  const hash = createHash("sha256").update(script).digest("base64");
  assert.ok(policy.includes(`script-src 'sha256-${hash}'`));
  assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
});
