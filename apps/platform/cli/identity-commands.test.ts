import assert from "node:assert/strict";
import { after, test } from "node:test";
import { groupCreated } from "@lyss/contracts/events/group.ts";
import { userCreated } from "@lyss/contracts/events/user.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { peersThatHear } from "@lyss/services/tenant/test-peers.ts";
import { createTestCommands } from "./test-command.ts";

const tenants = await startTestService({ after }, tenant, { clients: peersThatHear() });
const groups = await startTestService({ after }, group, { clients: {} });
await groups.hear();
const access = await startTestService({ after }, auth, { clients: {} });
await access.hear();
const permissions = ["*", "platform:*"];
const server = await startTestServer({
  mounted: [
    { name: "tenant", routes: tenant.routes, ops: tenants.ops, peerUrl: undefined },
    { name: "auth", routes: auth.routes, ops: access.ops, peerUrl: undefined },
    { name: "group", routes: group.routes, ops: groups.ops, peerUrl: undefined },
  ],
  guard: () => ({ tenantId: "ten_home", userId: "usr_op", keyId: "key_a", ...noSession, permissions, models: [] }),
});
after(() => server.close());

const { lyss, shown, json } = createTestCommands(server.url);

test("`lyss tenant` creates, finds, changes, suspends and reactivates a tenant, and adds its domains", async () => {
  const { id } = await json("tenant", "create", "acme", "--name", "Acme", "--plan", "pro");
  assert.match(await shown("tenant", "list", "--query", "acm"), /acme +Acme +pro +active/);
  const options = [
    "--sign-in",
    "sso,passkey",
    "--require-mfa",
    "yes",
    "--session-idle-minutes",
    "30",
    "--default-role",
    "viewer",
  ];
  const { settings } = await json("tenant", "update", id, ...options);
  assert.deepEqual(settings, {
    ...{ require_mfa: true, sign_in_methods: ["passkey", "sso"] },
    ...{ session_idle_minutes: 30, session_lifetime_hours: 0, silent_impersonation: false, default_role: "viewer" },
  });
  assert.match(await shown("tenant", "suspend", id, "--reason", "unpaid"), /status +suspended\nreason +unpaid/);
  assert.match(await shown("tenant", "reactivate", id), /status +active/);
  assert.match(await shown("tenant", "domain", "add", "acme.example", "--tenant", id), /_lyss\.acme\.example/);
  assert.match(await shown("tenant", "domain", "list", id), /acme\.example +false/);
  assert.match(await shown("tenant", "domain", "remove", "acme.example", "--tenant", id), /is removed/);
  const refused = await lyss("tenant", "show", "ten_none");
  assert.deepEqual([refused.code, /TENANT_001/.test(refused.complaint)], [1, true]);
});

test("`lyss tenant role` makes, shows, changes and removes a role, and tells which permissions there are", async () => {
  const made = await json("tenant", "role", "create", "support", "--permission", "user:list", "session:manage");
  assert.deepEqual([made.name, made.title, made.permissions], ["support", "support", ["session:manage", "user:list"]]);
  assert.match(
    await shown("tenant", "roles", "list"),
    /owner +true +owner +\*\n.*support +false +support +session:manage user:list/s,
  );
  const changed = await shown("tenant", "role", "update", "support", "--title", "Desk", "--permission", "user:*");
  assert.match(changed, /title +Desk\n(.*\n)*permissions +user:\*\nversion +2/);
  assert.match(await shown("tenant", "role", "show", "viewer"), /built in +true/);
  assert.equal(await shown("tenant", "role", "remove", "support"), "support is removed.\n");
  assert.match(await shown("tenant", "role", "permissions"), /role:manage +Make, change and remove roles/);
  const refused = await lyss("tenant", "role", "create", "support", "--permission", "platform:users");
  assert.deepEqual([refused.code, /KIT_002/.test(refused.complaint)], [1, true]);
});

test("`lyss group` makes a tree of groups and says who is in each", async () => {
  await groups.say(userCreated, { userId: "usr_ann", tenantId: "ten_home" });
  await groups.untilHeard();
  const top = await json("group", "create", "Company");
  const low = await json("group", "create", "Engineering", "--parent", top.id);
  assert.equal(await shown("group", "tree"), `Company  ${top.id}\n  Engineering  ${low.id}\n`);
  assert.equal(await shown("group", "add", low.id, "usr_ann"), "usr_ann is member.\n");
  assert.equal(await shown("group", "role", low.id, "usr_ann", "admin"), "usr_ann is admin.\n");
  assert.match(await shown("group", "permissions", low.id, "billing:read"), /permissions +billing:read/);
  assert.match(await shown("group", "show", low.id), /usr_ann +admin/);
  assert.match(await shown("group", "list", "--parent", top.id), /Engineering +active +2/);
  assert.equal(await shown("group", "remove", low.id, "usr_ann"), "usr_ann is not in it any more.\n");
  assert.equal((await json("group", "move", low.id)).parent_id, null);
  assert.equal(await shown("group", "archive", low.id), "Engineering is archived.\n");
});

test("`lyss group limits` and `lyss user limits` show limits, change those that are named and lift them", async () => {
  const { id } = await json("group", "create", "Held");
  await access.say(groupCreated, { groupId: id, tenantId: "ten_home", name: "Held" });
  await access.say(userCreated, { userId: "usr_held", tenantId: "ten_home", role: "member" });
  await access.untilHeard();
  const limits = ["--requests-per-minute", "60", "--tokens-per-minute", "1000", "--concurrent", "4"];
  assert.deepEqual(await json("group", "limits", id, ...limits), {
    ...{ object: "group.limits", group_id: id, requests_per_minute: 60, tokens_per_minute: 1000 },
    max_concurrent_requests: 4,
  });
  assert.match(await shown("group", "limits", id, "--concurrent", "none"), /max_concurrent_requests +none\n/);
  assert.match(await shown("group", "limits", id), /requests_per_minute +60\n.*tokens_per_minute +1000/s);
  await shown("user", "limits", "usr_held", "--concurrent", "2");
  assert.match(await shown("user", "limits", "usr_held"), /requests_per_minute +none\n.*requests +2/s);
  const refused = await lyss("group", "limits", id, "--concurrent", "many");
  assert.deepEqual([refused.code === 0, /whole number/.test(refused.complaint)], [false, true]);
});

test("each command tells how it is used", async () => {
  for (const words of [
    "tenant create",
    "tenant update",
    "tenant members",
    "tenant domain add",
    "tenant role create",
    "group create",
    "group add",
    "group limits",
    "user limits",
  ]) {
    assert.match((await lyss(...words.split(" "), "--help")).output, /Usage: lyss/, words);
  }
});
