import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ssoConnectionDeleted, ssoConnectionUpdated } from "@lyss/contracts/events/sso.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

let sessions = 0;
const servePeers: Parameters<typeof peersThatServe>[0] = ({ rpc }) => {
  const tokens = {
    accessToken: "a",
    expiresInSeconds: 900,
    refreshToken: "r",
    refreshExpiresInSeconds: 9,
  };
  rpc(AuthService.method.startSession, () => ({
    result: { case: "tokens" as const, value: { ...tokens, sessionId: `ses_${++sessions}` } },
  }));
  rpc(AuthService.method.setPrincipal, () => ({ isApplied: true }));
};
let defaultRole = "viewer";
const serveTenants: Parameters<typeof peersThatServe>[0] = ({ rpc }) =>
  rpc(TenantService.method.getTenant, ({ tenantId }) => ({ tenant: { tenantId, settings: { defaultRole } } }));
const service = await startTestService({ after }, user, {
  clients: peersThatServe((router) => {
    servePeers(router);
    serveTenants(router);
  }),
});
await service.hear();
const { ops, random } = service;
const password = new Secret("correct horse battery");
const newEmail = () => `${random.id("p")}@example.com`;
const newUser = (email: string, role: "owner" | "admin" | "member" = "member", tenantId = "ten_a") =>
  ops.createUser({ tenantId, email, password, name: "Ann", role });

type Input = Parameters<typeof ops.ensureFederatedUser>[0];
const ensure = (input: Partial<Input>) =>
  ops.ensureFederatedUser({
    ...{ tenantId: "ten_a", connectionId: "sso_a", subject: random.id("sub"), email: newEmail(), name: undefined },
    ...{ isEmailVerified: true, isDomainTrusted: true, role: "member", mayCreate: true, clientAddress: "192.0.2.1" },
    provisionedBy: undefined,
    ...input,
  });
const refused = (err: unknown) => isFailure(err, userFailures.federation_refused);

test("a connection that names no role makes people what the tenant's settings say, and never more than a member", async () => {
  const roleOf = async (input: Partial<Input>) => (await ensure(input)).user.role;
  assert.equal(await roleOf({ role: undefined }), "viewer");
  assert.equal(await roleOf({ role: "admin" }), "admin");
  for (const [said, role] of [
    ["member", "member"],
    ["", "member"],
    ["owner", "viewer"],
    ["operator", "viewer"],
  ] as const) {
    defaultRole = said;
    assert.equal(await roleOf({ role: undefined }), role, said);
  }
});

test("whoever a connection vouches for is made once, and found by subject from then on, whatever else changes", async () => {
  const subject = random.id("sub");
  const made = await ensure({ subject, role: "viewer" });
  const { userId, tenantId, role, name, email } = made.user;
  assert.deepEqual([made.isNew, tenantId, role, name], [true, "ten_a", "viewer", email]);
  const again = await ensure({ subject, email: newEmail(), role: "admin", mayCreate: false });
  assert.deepEqual([again.isNew, again.user], [false, made.user]);
  const racing = random.id("sub");
  const mail = newEmail();
  const all = await Promise.all(Array.from({ length: 10 }, () => ensure({ subject: racing, email: mail })));
  assert.deepEqual([new Set(all.map((one) => one.user.userId)).size, all.filter(({ isNew }) => isNew).length], [1, 1]);
  const told = (await service.listEvents()).filter(({ key }) => key === userId).map(({ type }) => type);
  assert.deepEqual(told.sort(), ["user.audit.created", "user.audit.federated", "user.created", "user.federated"]);
  assert.equal((await ops.verifyUserAudit({ userId, tenantId, reader: undefined })).isIntact, true);
});

test("I13 subjects that are numbers, ids, or look like others' mean nobody but themselves", async () => {
  const admin = await newUser(newEmail(), "admin");
  const seen = new Set([admin.userId]);
  const hostile = [
    "1",
    "0",
    admin.userId,
    admin.userId.toUpperCase(),
    admin.email,
    "admin",
    "аdmin",
    "ａdmin",
    "null",
    "' or 1=1 --",
  ];
  for (const subject of hostile) {
    const { user: found, isNew } = await ensure({ subject });
    assert.equal(isNew, true, subject);
    assert.equal(seen.has(found.userId), false, subject);
    seen.add(found.userId);
  }
  // The same subject of another connection is somebody else.
  assert.equal((await ensure({ connectionId: "sso_b", subject: "1" })).isNew, true);
  await assert.rejects(ensure({ tenantId: "ten_b", subject: "1" }), refused);
});

test("I13 an existing person is linked by an address alone only if it is checked, of a trusted domain, plain and no owner's", async () => {
  const [member, owner, other] = [newEmail(), newEmail(), newEmail()];
  const known = await newUser(member);
  await newUser(owner, "owner");
  await newUser(other, "member", "ten_b");
  await assert.rejects(ensure({ email: member, isEmailVerified: false }), refused);
  await assert.rejects(ensure({ email: member, isDomainTrusted: false }), refused);
  await assert.rejects(ensure({ email: owner }), refused);
  await assert.rejects(ensure({ email: other }), refused);
  // In lower case a Kelvin sign is a k, and a dotted capital I an i with a dot.
  const kelvin = "kim@example.com";
  await newUser(kelvin);
  for (const email of ["\u212Aim@example.com", "k\u0130m@example.com", "кim@example.com", undefined, "no address"]) {
    await assert.rejects(ensure({ email }), email);
  }
  const linked = await ensure({ email: member.toUpperCase() });
  assert.deepEqual([linked.isNew, linked.user.userId], [false, known.userId]);
  await assert.rejects(ensure({ email: newEmail(), mayCreate: false }), refused);
});

test("a person whom a connection had made is linked at the first sign-in, and to no second subject", async () => {
  const email = newEmail();
  const known = { email, isDomainTrusted: false, provisionedBy: "sso_a/scim" };
  const made = await ensure({ ...known, connectionId: "sso_a/scim", subject: "1", isEmailVerified: false });
  await assert.rejects(ensure({ ...known, provisionedBy: "sso_c/scim" }), refused);
  const linked = await ensure(known);
  assert.deepEqual([linked.isNew, linked.user.userId], [false, made.user.userId]);
  await assert.rejects(ensure(known), refused);
  await assert.rejects(ensure({ ...known, isDomainTrusted: true }), refused);
});

test("where sign-on is enforced a right password is refused, for the tenant's own people of that domain, and never for owners", async () => {
  const domain = "enforced.example";
  const people = {
    member: await newUser(`m@${domain}`),
    owner: await newUser(`o@${domain}`, "owner"),
    elsewhere: await newUser("m@elsewhere.example"),
    otherTenant: await newUser(`t@${domain}`, "member", "ten_b"),
  };
  const answers = async () => {
    const found: Record<string, string> = {};
    for (const [who, { email }] of Object.entries(people)) {
      found[who] = await ops.signIn({ email, password, clientAddress: "", userAgent: "" }).then(
        () => "ok",
        (err) => err.type.code,
      );
    }
    return found;
  };
  const all = { member: "ok", owner: "ok", elsewhere: "ok", otherTenant: "ok" };
  const rule = { connectionId: "sso_e", tenantId: "ten_a", domains: [domain], isEnabled: true, isEnforced: true };
  await service.say(ssoConnectionUpdated, { ...rule, version: 2n });
  // Comes late, and counts no more.
  await service.say(ssoConnectionUpdated, { ...rule, isEnforced: false, version: 1n });
  await service.untilHeard();
  assert.deepEqual(await answers(), { ...all, member: "user.sign_on_required" });
  const wrong = ops.signIn({
    ...{ email: people.member.email, password: new Secret("wrong horse"), clientAddress: "", userAgent: "" },
  });
  await assert.rejects(wrong, (err) => isFailure(err, userFailures.invalid_credentials));
  await service.say(ssoConnectionDeleted, { connectionId: "sso_e", tenantId: "ten_a", version: 3n });
  await service.untilHeard();
  assert.deepEqual(await answers(), all);
});

test("a person who never had a password signs in with none", async () => {
  const { user: made } = await ensure({});
  const attempt = ops.signIn({ email: made.email, password, clientAddress: "", userAgent: "" });
  await assert.rejects(attempt, (err) => isFailure(err, userFailures.invalid_credentials));
});
