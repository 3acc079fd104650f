import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Role } from "./model.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

/** As auth holds them: by tenant, then by name. */
const rolesOf = new Map<string, Record<string, string[]>>();
let defaultRole = "";
const { ops, random } = await startTestService({ after }, user, {
  clients: peersThatServe(({ rpc }) => {
    rpc(AuthService.method.listRoles, ({ tenantId }) => ({
      roles: Object.entries(rolesOf.get(tenantId) ?? {}).map(([name, permissions]) => ({
        tenantId,
        name,
        permissions,
      })),
    }));
    rpc(AuthService.method.setPrincipal, () => ({ isApplied: true }));
    rpc(TenantService.method.getTenant, ({ tenantId }) => ({
      tenant: { tenantId, name: "Acme", settings: { defaultRole } },
    }));
  }),
});
/** The bearer token is the caller: `<tenant>/<person>/<permissions, by commas>/<key>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, held, keyId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !held) return undefined;
    return { tenantId, userId, keyId, ...noSession, permissions: held.split(","), models: [] };
  },
});
after(() => server.close());

const password = new Secret("correct horse battery");

async function begin(roles: Record<string, string[]> = {}) {
  const tenantId = random.id("ten");
  rolesOf.set(tenantId, roles);
  const person = async (role: Role) => {
    const email = `${random.id("p")}@example.com`;
    const { userId } = await ops.createUser({ tenantId, email, password, name: role, role });
    const as = (held = "user:*", key = "") => `${tenantId}/${userId}/${held}${key && `/${key}`}`;
    return { userId, email, as };
  };
  /** What a change of somebody gives: the role, or why not. */
  const change = async (token: string, { userId }: { userId: string }, body: object) => {
    const { status, json } = await server.call(token, "PATCH", `/api/v1/users/${userId}`, body);
    return status === 200 ? json.role : json.error.code;
  };
  const invite = async (token: string, role: string) => {
    const asked = { email: `${random.id("x")}@example.com`, role };
    const { status, json } = await server.call(token, "POST", "/api/v1/invitations", asked);
    return status === 201 ? json.role : json.error.code;
  };
  return { tenantId, person, change, invite };
}

const support = ["user:*", "session:manage"];
const finance = ["billing:top_up", "billing:update"];

test("people are given a role that their tenant has made, and no other tenant's", async () => {
  const { person, change, invite } = await begin({ support });
  const elsewhere = await begin({ other: support });
  const [admin, bob] = [await person("admin"), await person("member")];
  assert.equal(await change(admin.as(), bob, { role: "support" }), "support");
  const { json } = await server.call(admin.as(), "GET", "/api/v1/users?role=support");
  assert.deepEqual(
    json.data.map(({ id }: { id: string }) => id),
    [bob.userId],
  );
  assert.equal(await change(admin.as(), bob, { role: "other" }), "USER_080");
  assert.equal(await invite(admin.as(), "other"), "USER_080");
  assert.equal(await invite(admin.as(), "support"), "support");
  await assert.rejects(elsewhere.person("support"), (err) => isFailure(err, userFailures.role_unknown));
  const chinese = await server.call(
    admin.as(),
    "PATCH",
    `/api/v1/users/${bob.userId}`,
    { role: "nobody" },
    {
      "accept-language": "zh-CN",
    },
  );
  assert.match(chinese.json.error.message, /该租户没有角色“nobody”/);
});

test("nobody gives, or changes somebody with, a role that holds more than their own", async () => {
  const { person, change, invite } = await begin({ support, finance });
  const [owner, admin, helper] = [await person("owner"), await person("admin"), await person("support")];
  const [member, payer] = [await person("member"), await person("finance")];
  assert.equal(await change(admin.as(), member, { role: "finance" }), "USER_008");
  assert.equal(await invite(admin.as(), "finance"), "USER_008");
  assert.equal(await change(admin.as(), payer, { status: "suspended" }), "USER_008");
  assert.equal(await change(owner.as(), payer, { name: "Paul" }), "finance");
  // What helps people does not reach those who may call models, nor makes anybody so.
  assert.equal(await change(helper.as(), member, { name: "Mine" }), "USER_008");
  assert.equal(await change(helper.as(), helper, { role: "member" }), "USER_008");
  const other = await person("support");
  assert.equal(await change(helper.as(), other, { status: "suspended" }), "support");
  assert.equal(await change(payer.as(), payer, { role: "owner" }), "USER_008");
  // A key does what it holds, and reaches no further than its person.
  assert.equal(await change(owner.as("user:*", "key_1"), member, { role: "finance" }), "USER_008");
  assert.equal(
    await change(owner.as("user:*,billing:*,session:*,factor:*", "key_1"), member, { role: "finance" }),
    "finance",
  );
});

test("whoever has a role that is gone is reached by those who reach anybody, and reaches nobody", async () => {
  const roles: Record<string, string[]> = { support };
  const { person, change } = await begin(roles);
  const [admin, helper, viewer] = [await person("admin"), await person("support"), await person("viewer")];
  delete roles["support"];
  assert.equal(await change(helper.as(), viewer, { name: "Mine" }), "USER_008");
  assert.equal(await change(admin.as(), helper, { role: "viewer" }), "viewer");
});

test("an invitation is good as long as there is its role, and who invited holds all that it does", async () => {
  const roles: Record<string, string[]> = { support };
  const { tenantId, person, invite } = await begin(roles);
  const admin = await person("admin");
  assert.equal(await invite(admin.as(), "support"), "support");
  roles["support"] = [...support, "billing:top_up"];
  assert.equal(await invite(admin.as(), "support"), "USER_008");
  assert.deepEqual(rolesOf.get(tenantId), roles);
});

test("who comes in by sign-on gets the connection's role or the tenant's default, and the least where that is gone", async () => {
  const { tenantId, person } = await begin({ support, finance });
  const ensure = (role: string | undefined, email = `${random.id("p")}@example.com`) =>
    ops.ensureFederatedUser({
      ...{ tenantId, connectionId: random.id("sso"), subject: random.id("sub"), email, name: undefined, role },
      ...{ isEmailVerified: true, isDomainTrusted: true, mayCreate: true, clientAddress: "", provisionedBy: undefined },
    });
  assert.equal((await ensure("support")).user.role, "support");
  assert.equal((await ensure("nothing")).user.role, "viewer");
  for (const [said, role] of [
    ["support", "support"],
    ["nothing", "viewer"],
    ["admin", "viewer"],
  ] as const) {
    defaultRole = said;
    assert.equal((await ensure(undefined)).user.role, role);
  }
  // Whoever sets a connection up becomes nobody by an address who may do more than an admin.
  const [helper, payer] = [await person("support"), await person("finance")];
  assert.equal((await ensure(undefined, helper.email)).user.userId, helper.userId);
  await assert.rejects(ensure(undefined, payer.email), (err) => isFailure(err, userFailures.federation_refused));
});

test("a role that follows from a provider's groups is given, given again, and taken back; nobody above an admin is reached", async () => {
  const roles: Record<string, string[]> = { support, finance };
  const { tenantId, person, change } = await begin(roles);
  defaultRole = "member";
  const connectionId = random.id("sso");
  const follow = async (userId: string, role: string | undefined, by = connectionId, given?: string) => {
    const input = { tenantId, connectionId: by, userId, role, defaultRole: given, clientAddress: "192.0.2.1" };
    const after = await ops.followFederatedRole(input);
    assert.deepEqual(await ops.followFederatedRole(input), after, "a repeat changes nothing");
    return after.role;
  };
  const [owner, ann, bob, paula] = [
    await person("owner"),
    await person("viewer"),
    await person("viewer"),
    await person("finance"),
  ];
  assert.equal(await follow(ann.userId, undefined), "viewer", "what somebody else gave stays");
  assert.equal(await follow(ann.userId, "support"), "support");
  assert.equal(await follow(ann.userId, "admin"), "admin");
  assert.equal(await follow(ann.userId, undefined), "member", "the tenant's default");
  assert.equal(await follow(ann.userId, "admin"), "admin");
  assert.equal(await follow(ann.userId, undefined, connectionId, "viewer"), "viewer", "the connection's default");
  const log = await ops.listUserAudit({
    ...{ userId: ann.userId, tenantId, reader: undefined, limit: 10, cursor: undefined },
    ...{ eventTypes: ["user.audit.role_changed"], fromMs: undefined, beforeMs: undefined },
  });
  const told = log.rows.map(({ data }) => (data as Record<string, string>)["detail"]);
  assert.equal(told[0], `role: admin → viewer (sign-on ${connectionId})`);
  assert.equal(told.length, 5);
  // What somebody has set since is theirs: it stays when nothing follows, and gives way to what does.
  assert.equal(await follow(bob.userId, "admin"), "admin");
  assert.equal(await change(owner.as(), bob, { role: "support" }), "support");
  assert.equal(await follow(bob.userId, undefined), "support");
  assert.equal(await follow(bob.userId, "member"), "member");
  // A role that is gone is the least.
  delete roles["support"];
  assert.equal(await follow(bob.userId, "support"), "viewer");
  // Who may do more than an admin by another's decision keeps the role; by the connection's own it is taken back.
  assert.equal(await follow(paula.userId, "member"), "finance");
  assert.equal(await follow(owner.userId, "member"), "owner");
  assert.equal(await follow(bob.userId, "finance"), "finance");
  assert.equal(await follow(bob.userId, "viewer", random.id("sso")), "finance", "another connection did not give it");
  assert.equal(await follow(bob.userId, undefined), "member");
  const elsewhere = await begin();
  const input = { connectionId, userId: ann.userId, role: "admin", defaultRole: undefined, clientAddress: "" };
  await assert.rejects(ops.followFederatedRole({ tenantId: elsewhere.tenantId, ...input }), (err) =>
    isFailure(err, userFailures.not_found),
  );
});
