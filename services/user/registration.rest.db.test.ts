import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { pause } from "@lyss/kit/service/clock.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { crash, createVirtualRun, type VirtualRun } from "@lyss/kit/testing/virtual-run.ts";
import type { SagaOutcome } from "@lyss/kit/workflow/run-saga.ts";
import type { Role, UserId } from "./model.ts";
import type { RegisterPersonInput } from "./registration-steps.ts";
import { registerPerson } from "./sagas/register-person.ts";
import { user } from "./service.ts";
import { peersThatRegister, world } from "./test-world.ts";

const clock = createFakeClock();
const mailServer = await startMailServer({ after });
const service = await startTestService({ after }, user, {
  clients: peersThatRegister,
  config: {
    mail: { url: mailServer.url },
    user: { registration: "open", maxMailsPerAddress: 10_000 },
  },
  clock,
});
const { ops, jobs, random, sql } = service;
/** The bearer token is the caller: `<tenant>/<person>`, who may do all that their role may. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId) return undefined;
    const none = { ...noSession, models: [], sessionId: "ses_1", keyId: "" };
    return { tenantId, userId, permissions: ["user:*"], ...none };
  },
});
after(() => server.close());
const { call } = server;

const password = "correct horse battery";

async function createPerson(role: Role, tenantId = "ten_acme") {
  const email = `${random.id("p")}@example.com`;
  const { userId } = await ops.createUser({ tenantId, email, password: new Secret(password), name: "Ann", role });
  return { userId, email, token: `${tenantId}/${userId}` };
}

async function mailsTo(email: string) {
  await jobs?.find(({ name }) => name === "send-mails")?.run(new AbortController().signal);
  return mailServer.received.filter(({ to }) => to.includes(email));
}

async function linkTo(email: string, action: string): Promise<string> {
  const mail = (await mailsTo(email)).at(-1);
  const [, token] = new RegExp(`account#${action}=([\\w-]{43})`).exec(mail?.text ?? "") ?? [];
  assert.ok(token, `no ${action} link in ${mail?.text}`);
  return token;
}

const register = (body: object, headers = {}) =>
  call("", "POST", "/api/v1/users/register", { password, name: "Ann", ...body }, headers);
const confirm = (token: string) => call("", "POST", "/v1/users/register/confirm", { token });

test("P1: whoever registers gets a mail, and with its link a tenant, a wallet, and tokens; everybody hears of it then", async () => {
  const email = `${random.id("new")}@example.com`;
  const asked = await register({ email, organization: "Ann & Söhne" });
  assert.deepEqual([asked.status, asked.json], [202, { object: "mail.requested" }]);
  const [none] = await sql`select from person where email = ${email}`;
  assert.equal(none, undefined, "nobody is there before the mail was read");
  const token = await linkTo(email, "register");
  const done = await confirm(token);
  assert.equal(done.status, 201, done.text);
  const userId = String(done.json.access_token).replace("access of ", "");
  const person = await ops.getUser({ userId, tenantId: undefined });
  assert.deepEqual([person.email, person.role, person.status], [email, "owner", "active"]);
  const [slug, tenant] = [...world.tenants].find(([, { tenantId }]) => tenantId === person.tenantId) ?? [];
  assert.match(slug ?? "", /^ann-so-hne-[a-z0-9]{16}$|^ann-sohne-[a-z0-9]{16}$/);
  assert.deepEqual(
    [tenant?.isActive, world.wallets.has(person.tenantId), world.admitted.has(userId)],
    [true, true, true],
  );
  const told = (await service.listEvents()).filter(({ key, type }) => key === userId && !type.includes("audit"));
  assert.deepEqual(
    told.map(({ type, data }) => [type, data["status"]]),
    [["user.created", "USER_STATUS_ACTIVE"]],
  );
  assert.deepEqual((await confirm(token)).json, done.json, "an answer that was lost is given again");
  clock.advance(60_001);
  assert.equal((await confirm(token)).json.error.code, "USER_011");
  const rows = JSON.stringify(await sql`select * from registration where email = ${email}`);
  assert.equal(rows.includes("argon2"), false);
  const runs = JSON.stringify(await sql`select * from dbos.operation_outputs`.catch(() => []));
  assert.equal(runs.includes("access of"), false);
});

test("P1: an address that is taken gets the same answer, and only its owner is told", async () => {
  const { email } = await createPerson("member");
  const asked = await register({ email });
  assert.deepEqual([asked.status, asked.json], [202, { object: "mail.requested" }]);
  assert.deepEqual(
    (await mailsTo(email)).map(({ subject }) => subject),
    ["You already have an account"],
  );
});

test("P1: of two who register with one address, the first who confirms is the person, and the other leaves nothing", async () => {
  const email = `${random.id("two")}@example.com`;
  await register({ email, organization: "One" });
  const first = await linkTo(email, "register");
  await register({ email, organization: "Two" });
  const second = await linkTo(email, "register");
  const before = world.tenants.size;
  assert.equal((await confirm(second)).status, 201);
  const late = await confirm(first);
  assert.deepEqual([late.status, late.json.error.code], [409, "USER_002"]);
  assert.equal(world.tenants.size, before + 1);
});

test("with an idempotency key a repeat writes no second mail, and another request with it is refused", async () => {
  const email = `${random.id("key")}@example.com`;
  const key = { "idempotency-key": "once" };
  for (let n = 0; n < 3; n++) assert.equal((await register({ email }, key)).status, 202);
  assert.equal((await mailsTo(email)).length, 1);
  assert.equal((await register({ email, name: "Bob" }, key)).status, 422);
});

test("an address in a verified domain joins its tenant with the role that its settings say", async (t) => {
  t.after(() => {
    world.defaultRole = "member";
  });
  for (const defaultRole of ["member", "viewer"]) {
    world.defaultRole = defaultRole;
    const email = `${random.id("p")}@acme.test`;
    await register({ email });
    const before = world.tenants.size;
    const done = await confirm(await linkTo(email, "register"));
    const userId = done.json.access_token.replace("access of ", "");
    const person = await ops.getUser({ userId, tenantId: "ten_acme" });
    assert.deepEqual([person.role, world.tenants.size], [defaultRole, before]);
  }
});

test("where a second factor is wanted, the person is there and gets a challenge in place of tokens", async () => {
  const email = `${random.id("two")}@example.com`;
  await register({ email });
  world.wantsFactor = true;
  const answered = await confirm(await linkTo(email, "register"));
  world.wantsFactor = false;
  assert.deepEqual([answered.status, answered.json.error.code], [403, "USER_060"]);
  assert.equal(answered.json.error.details.challengeToken, "c".repeat(43));
  const [person] = await sql`select status, is_pending as "isPending" from person where email = ${email}`;
  assert.deepEqual({ ...person }, { status: "active", isPending: false });
});

test("who is removed leaves no registration, and no mail that waits", async () => {
  const email = `${random.id("gone")}@example.com`;
  await register({ email });
  const done = await confirm(await linkTo(email, "register"));
  const userId = done.json.access_token.replace("access of ", "");
  await call("", "POST", "/v1/users/password-reset", { email });
  const owner = await createPerson("owner");
  await call(owner.token, "POST", "/api/v1/invitations", { email, role: "member" });
  await ops.deleteUser({ userId, tenantId: undefined, actor: undefined, clientAddress: "" }).catch(() => undefined);
  assert.equal((await sql`select from person where user_id = ${userId}`).length, 1, "the last owner stays");
  const person = await ops.getUser({ userId, tenantId: undefined });
  await createPerson("owner", person.tenantId);
  await ops.deleteUser({ userId, tenantId: undefined, actor: undefined, clientAddress: "" });
  assert.equal((await sql`select from registration where email = ${email}`).length, 0);
  assert.equal((await mailsTo(email)).length, 1, "that of the registration alone");
});

/** Goes on while time passes. */
async function go(run: VirtualRun, crashAt?: number): Promise<SagaOutcome | undefined> {
  let isOver = false;
  const ended = run.go(crashAt).catch((err: unknown) => {
    assert.equal(err, crash);
    return undefined;
  });
  void ended.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    // Slowly: what the steps do takes real time, and each has a limit.
    await pause(2);
    run.clock.advance(10);
  }
  return ended;
}

/** A registration whose mail was read, as the saga is given it. */
async function drawRegistration(): Promise<RegisterPersonInput & { readonly email: string }> {
  const [registrationId, userId] = [random.id("reg"), random.id("usr")];
  const email = `${registrationId}@example.com`;
  const now = new Date(clock.nowMs());
  await sql`insert into registration (registration_id, kind, token_hash, user_id, email, tenant_id, organization, role, name,
      password_hash, locale, invited_by, created_at, expires_at)
    values (${registrationId}, 'self', ${Buffer.from(registrationId)}, ${userId}, ${email}, null, 'Org', 'owner', 'Ann', 'x',
      'en_US', '', ${now}, ${now})`;
  const names = {
    registrationId,
    attempt: 1,
    userId,
    tenantId: null,
    organization: "Org",
    slug: registrationId,
    role: "owner",
  };
  return { ...names, email, clientAddress: "", userAgent: "" };
}

/** What is there of it, in every place. */
async function tracesOf({ slug, userId }: RegisterPersonInput) {
  const [person] = await sql<{ status: string; isPending: boolean }[]>`
    select status, is_pending as "isPending" from person where user_id = ${userId}`;
  const created = (await service.listEvents()).filter(({ key, type }) => key === userId && type === "user.created");
  return {
    person: person ? `${person.status}${person.isPending ? ", pending" : ""}` : "none",
    created: created.length,
    tenant: world.tenants.get(slug)?.isActive,
    isAdmitted: world.admitted.has(userId),
    hasWallet: world.wallets.has(`ten_${slug}`),
    sessions: world.sessions.get(userId) ?? 0,
  };
}
const all = { person: "active", created: 1, tenant: true, isAdmitted: true, hasWallet: true, sessions: 1 };
const nothing = { person: "none", created: 0, tenant: undefined, isAdmitted: false, hasWallet: false, sessions: 0 };

test("S0.9, P1: killed before and after each step, a registration is completed by the next process, once", async () => {
  for (let crashAt = 1, hasDied = true; hasDied; crashAt++) {
    const input = await drawRegistration();
    const run = createVirtualRun(registerPerson, { ops, input });
    let outcome = await go(run, crashAt);
    hasDied = outcome === undefined;
    if (hasDied) outcome = (await go(run, 1 + (crashAt % 3))) ?? (await go(run));
    assert.equal(outcome?.state, "done", `moment ${crashAt}`);
    assert.deepEqual(await tracesOf(input), all, `moment ${crashAt}`);
    if (!hasDied) assert.ok(crashAt > 14, `only ${crashAt} moments`);
  }
});

test("S0.9, P1: whoever refuses, and wherever the process dies on the way back, a registration leaves nothing", async () => {
  for (const refuses of ["createTenant", "admitPerson", "createWallet", "startSession", "insertPerson"]) {
    for (let crashAt = 1, hasDied = true; hasDied; crashAt++) {
      const input = await drawRegistration();
      if (refuses === "insertPerson") {
        const taken = { tenantId: "ten_x", password: new Secret(password), name: "Bob", role: "member" } as const;
        await ops.createUser({ ...taken, email: input.email });
      }
      world.refuses = refuses;
      const run = createVirtualRun(registerPerson, { ops, input });
      let outcome = await go(run, crashAt);
      hasDied = outcome === undefined;
      if (hasDied) outcome = await go(run);
      world.refuses = "";
      assert.equal(outcome?.state, "compensated", `${refuses}, moment ${crashAt}`);
      assert.deepEqual(await tracesOf(input), nothing, `${refuses}, moment ${crashAt}`);
    }
  }
});

test("P1: who takes part is away: nothing is left, and the same link works once it is back", async () => {
  const email = `${random.id("away")}@example.com`;
  await register({ email });
  const token = await linkTo(email, "register");
  world.refuses = "startSession";
  // The engine waits between tries by the service's clock.
  let isOver = false;
  const answered = confirm(token).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await pause(5);
    clock.advance(500);
  }
  const refused = await answered;
  world.refuses = "";
  assert.deepEqual([refused.status, refused.json.error.retryable], [503, true]);
  assert.equal((await sql`select from person where email = ${email}`).length, 0);
  assert.equal((await confirm(token)).status, 201);
});

test("P4: an invitation makes a person of the tenant with the role that it says, once", async () => {
  const owner = await createPerson("owner");
  const email = `${random.id("guest")}@example.com`;
  const invited = await call(owner.token, "POST", "/api/v1/invitations", { email, role: "admin", locale: "zh_CN" });
  assert.equal(invited.status, 201, invited.text);
  assert.deepEqual([invited.json.email, invited.json.role, invited.json.invited_by], [email, "admin", owner.userId]);
  const [mail] = await mailsTo(email);
  assert.equal(mail?.subject, "邀请您加入 Acme");
  assert.match(mail?.text ?? "", new RegExp(`^您好：\\s+Ann \\(${owner.email}\\) 邀请您以“管理员”角色加入 Acme。`));
  const token = await linkTo(email, "accept");
  const accept = (body = {}) => call("", "POST", "/v1/invitations/accept", { token, name: "Gus", password, ...body });
  assert.equal((await accept({ password: "short" })).json.error.code, "USER_005");
  assert.equal((await accept({ role: "owner" })).status, 400, "the role is not theirs to choose");
  const done = await accept();
  assert.equal(done.status, 201, done.text);
  const userId = done.json.access_token.replace("access of ", "") as UserId;
  const person = await ops.getUser({ userId, tenantId: "ten_acme" });
  assert.deepEqual([person.name, person.role, person.email], ["Gus", "admin", email]);
  clock.advance(60_001);
  assert.equal((await accept()).json.error.code, "USER_011");
  const list = await call(owner.token, "GET", "/v1/invitations");
  assert.equal(JSON.stringify(list.json).includes(email), false);
});

test("P4: nobody invites above their own role, and an invitation falls with whoever gave it", async () => {
  const admin = await createPerson("admin");
  const invite = (body: object, token = admin.token) => call(token, "POST", "/v1/invitations", body);
  const above = await invite({ email: "a@example.com", role: "owner" });
  assert.deepEqual([above.status, above.json.error.code], [403, "USER_008"]);
  const email = `${random.id("guest")}@example.com`;
  assert.equal((await invite({ email, role: "admin" })).status, 201);
  await sql`update person set role = 'member' where user_id = ${admin.userId}`;
  const token = await linkTo(email, "accept");
  const accepted = await call("", "POST", "/v1/invitations/accept", { token, name: "Gus", password });
  assert.deepEqual([accepted.status, accepted.json.error.code], [400, "USER_011"]);
});

test("P4: an invitation gives what its role holds when it is accepted, and no more than who invited holds then", async () => {
  const admin = await createPerson("admin");
  const invited = async () => {
    world.roles.set("desk", ["user:list"]);
    const email = `${random.id("guest")}@example.com`;
    assert.equal((await call(admin.token, "POST", "/v1/invitations", { email, role: "desk" })).status, 201);
    const token = await linkTo(email, "accept");
    return () => call("", "POST", "/v1/invitations/accept", { token, name: "Gus", password });
  };
  const accept = await invited();
  world.roles.set("desk", ["user:list", "billing:top_up"]);
  assert.equal((await accept()).json.error.code, "USER_011", "more than an admin holds");
  world.roles.delete("desk");
  assert.equal((await accept()).json.error.code, "USER_011", "a role that is gone");
  world.roles.set("desk", ["user:list", "key:read"]);
  const done = await accept();
  assert.equal(done.status, 201, done.text);
  const userId = done.json.access_token.replace("access of ", "") as UserId;
  assert.equal((await ops.getUser({ userId, tenantId: "ten_acme" })).role, "desk");
  // Who invited may do less since.
  const late = await invited();
  await sql`update person set role = 'viewer' where user_id = ${admin.userId}`;
  assert.equal((await late()).json.error.code, "USER_011");
  world.roles.clear();
});

test("P4: invitations are listed, written once more, taken back, and are another tenant's to nobody", async () => {
  const [owner, other] = [await createPerson("owner", "ten_l"), await createPerson("owner", "ten_m")];
  const email = `${random.id("guest")}@example.com`;
  const { json } = await call(owner.token, "POST", "/v1/invitations", { email, expires_in_hours: 1 });
  const first = await linkTo(email, "accept");
  const list = await call(owner.token, "GET", "/v1/invitations");
  assert.deepEqual(
    list.json.data.map(({ id }: { id: string }) => id),
    [json.id],
  );
  assert.deepEqual((await call(other.token, "GET", "/v1/invitations")).json.data, []);
  assert.equal((await call(other.token, "DELETE", `/v1/invitations/${json.id}`)).status, 404);
  assert.equal((await call(other.token, "POST", `/v1/invitations/${json.id}/resend`)).status, 404);
  clock.advance(3_600_000);
  assert.equal((await call(owner.token, "POST", `/v1/invitations/${json.id}/resend`)).status, 200);
  const second = await linkTo(email, "accept");
  const accept = (token: string) => call("", "POST", "/v1/invitations/accept", { token, name: "Gus", password });
  assert.equal((await accept(first)).status, 400);
  assert.equal((await call(owner.token, "DELETE", `/v1/invitations/${json.id}`)).status, 200);
  assert.equal((await call(owner.token, "DELETE", `/v1/invitations/${json.id}`)).status, 404);
  assert.equal((await accept(second)).status, 400);
});

test("who is a person already is not invited again; one of another tenant is told so, and nobody else", async () => {
  const [owner, elsewhere] = [await createPerson("owner", "ten_n"), await createPerson("member", "ten_o")];
  const own = await call(owner.token, "POST", "/v1/invitations", { email: owner.email });
  assert.deepEqual([own.status, own.json.error.code], [409, "USER_002"]);
  assert.equal((await call(owner.token, "POST", "/v1/invitations", { email: elsewhere.email })).status, 201);
  const [mail] = await mailsTo(elsewhere.email);
  assert.equal(/#accept=/.test(mail?.text ?? ""), false);
});

test("bad input of registrations and invitations names the field; unknown fields are refused", async () => {
  const owner = await createPerson("owner");
  const token = "x".repeat(43);
  const cases: readonly (readonly [path: string, body: object, field: string])[] = [
    ["users/register", { email: "nobody", password, name: "A" }, "email"],
    ["users/register", { email: "a@example.com", password, name: " " }, "name"],
    ["users/register", { email: "a@example.com", password, name: "A", organization: "x".repeat(101) }, "organization"],
    ["users/register", { email: "a@example.com", password, name: "A", role: "owner" }, "role"],
    ["users/register", { email: "a@example.com", password, name: "A", tenant_id: "ten_acme" }, "tenant_id"],
    ["users/register", { email: "a@example.com", password, name: "A", locale: "fr" }, "locale"],
    ["users/register/confirm", { token: "x" }, "token"],
    ["invitations", { email: "a@example.com", role: "root" }, "role"],
    ["invitations", { email: "a@example.com", expires_in_hours: 721 }, "expires_in_hours"],
    ["invitations", { email: "a@example.com", tenant_id: "ten_x" }, "tenant_id"],
    ["invitations/accept", { token, password }, "name"],
    ["invitations/accept", { token, name: "A", password, email: "b@example.com" }, "email"],
  ];
  for (const [path, body, field] of cases) {
    const { status, json } = await call(owner.token, "POST", `/v1/${path}`, body);
    assert.deepEqual([status, json.error.details.field], [400, field], `${path} ${JSON.stringify(body)}`);
  }
});
