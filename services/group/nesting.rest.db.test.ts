import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userCreated, userDeleted } from "@lyss/contracts/events/user.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { groupLimits } from "./model.ts";
import { group } from "./service.ts";

const service = await startTestService({ after }, group, { clients: {} });
await service.hear();
/** The bearer token is the caller: `<tenant>/<person>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "group", routes: group.routes, ops: service.ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !permissions) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

async function call(token: string, method: string, path: string, body?: unknown) {
  const { status, json } = await server.call(token, method, `/api/v1/groups${path}`, body);
  return { status, json, code: json.error?.code };
}

const member = "group:read,group:create,group:update,group:delete";
let lastTenant = 0;

/** A tenant whose groups are made by its manager, Mia. */
function newTenant() {
  const tenantId = `ten_${++lastTenant}`;
  const idOf = (name: string) => `usr_${name}_${lastTenant}`;
  const as = (name: string, permissions = member) => `${tenantId}/${idOf(name)}/${permissions}`;
  const mia = as("mia", "*");
  const create = async (name: string, parent_id?: string, by = mia) => {
    const { status, json, code } = await call(by, "POST", "", { name, parent_id });
    assert.equal(status, 201, code);
    return json.id as string;
  };
  const add = async (groupId: string, name: string, role: string) => {
    await service.say(userCreated, { userId: idOf(name), tenantId });
    await service.untilHeard();
    assert.equal((await call(mia, "POST", `/${groupId}/members`, { user_id: idOf(name), role })).status, 201);
    await service.untilHeard();
  };
  return { tenantId, idOf, as, mia, create, add };
}

test("whoever has a role in a group has it in those below, of two roles the greater one, and nothing above or beside", async () => {
  const { as, create, add, mia, idOf } = newTenant();
  const top = await create("Company");
  const middle = await create("Engineering", top);
  const bottom = await create("Platform", middle);
  const beside = await create("Sales", top);
  await add(middle, "ann", "admin");
  await add(bottom, "ann", "viewer");
  const ann = as("ann");
  assert.equal((await call(ann, "PATCH", `/${bottom}`, { description: "Ann may" })).status, 200);
  assert.equal((await call(ann, "DELETE", `/${bottom}`)).code, "GROUP_011");
  assert.equal((await call(ann, "GET", `/${top}`)).status, 404);
  assert.equal((await call(ann, "GET", `/${beside}`)).status, 404);
  const names = async (query: string, by = ann) =>
    (await call(by, "GET", query)).json.data.map((row: { name: string }) => row.name);
  assert.deepEqual(await names(""), ["Platform", "Engineering"]);
  assert.deepEqual(await names(`?parent=${top}`, mia), ["Sales", "Engineering"]);
  assert.deepEqual(await names(`?parent=${top}`), ["Engineering"]);
  assert.equal((await call(mia, "PUT", `/${bottom}/parent`, { parent_id: null })).json.parent_id, null);
  assert.equal((await call(ann, "PATCH", `/${bottom}`, { description: "no more" })).code, "GROUP_011");
  assert.equal((await call(mia, "DELETE", `/${bottom}/members/${idOf("ann")}`)).status, 200);
  assert.equal((await call(ann, "GET", `/${bottom}`)).status, 404);
});

test("groups are a tree of eight levels, and one with others below it is not archived", async () => {
  const { mia, create, as } = newTenant();
  const path: string[] = [];
  for (let level = 1; level <= groupLimits.maxDepth; level++) path.push(await create(`Level ${level}`, path.at(-1)));
  const tooDeep = await call(mia, "POST", "", { name: "Level 9", parent_id: path.at(-1) });
  assert.deepEqual([tooDeep.status, tooDeep.code], [409, "GROUP_016"]);
  const other = await create("Other");
  await create("Below other", other);
  assert.equal((await call(mia, "PUT", `/${other}/parent`, { parent_id: path[6] })).code, "GROUP_016");
  assert.equal((await call(mia, "PUT", `/${other}/parent`, { parent_id: path[5] })).status, 200);
  assert.equal((await call(mia, "PUT", `/${path[0]}/parent`, { parent_id: path[3] })).code, "GROUP_015");
  assert.equal((await call(mia, "PUT", `/${path[0]}/parent`, { parent_id: path[0] })).code, "GROUP_015");
  assert.equal((await call(mia, "DELETE", `/${path[0]}`)).code, "GROUP_017");
  assert.equal((await call(mia, "DELETE", `/${path[7]}`)).status, 200);
  assert.equal((await call(mia, "POST", "", { name: "x", parent_id: path[7] })).code, "GROUP_014");
  assert.equal((await call(mia, "POST", "", { name: "x", parent_id: "grp_none" })).code, "GROUP_014");
  assert.equal((await call("ten_else/usr_1/*", "POST", "", { name: "x", parent_id: path[0] })).code, "GROUP_014");
  const own = await create("Eve's", undefined, as("eve"));
  assert.equal((await call(as("eve"), "PUT", `/${own}/parent`, { parent_id: path[0] })).code, "GROUP_014");
});

test("however moves race, no group comes to be below itself", async () => {
  const seed = Number(process.env["SEED"] ?? 6);
  const { between } = createSeeded(seed);
  const { mia, create, tenantId } = newTenant();
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) ids.push(await create(`Group ${n}`));
  const pick = () => ids[between(0, ids.length - 1)];
  const moves = Array.from({ length: 60 }, () => call(mia, "PUT", `/${pick()}/parent`, { parent_id: pick() }));
  const codes = new Set((await Promise.all(moves)).map(({ status }) => status));
  assert.deepEqual(
    [...codes].filter((status) => status !== 200 && status !== 409),
    [],
    `seed ${seed}`,
  );
  const rows = await service.sql<{ group_id: string; parent_id: string }[]>`
    select group_id, parent_id from tenant_group where tenant_id = ${tenantId}`;
  const parentOf = new Map(rows.map((row) => [row.group_id, row.parent_id]));
  for (const id of ids) {
    let at = id;
    for (let steps = 0; at !== ""; steps++) {
      assert.ok(steps < groupLimits.maxDepth, `${id} is below itself, seed ${seed}`);
      at = parentOf.get(at) ?? "";
    }
  }
});

test("a group is given no more than its giver holds, and takes in nobody by whom it would be given more", async () => {
  const { mia, create, add, as, tenantId, idOf } = newTenant();
  const id = await create("Accounting");
  const wanted = { permissions: ["billing:read", "user:list", "billing:read"] };
  const given = await call(mia, "PUT", `/${id}/permissions`, wanted);
  assert.deepEqual([given.status, given.json.permissions], [200, ["billing:read", "user:list"]]);
  const less = await call(as("meg", "group:*,user:list"), "PUT", `/${id}/permissions`, {
    permissions: ["billing:read", "credential:write"],
  });
  assert.deepEqual(
    [less.status, less.code, less.json.error.details.permission],
    [403, "GROUP_018", "credential:write"],
  );
  for (const permission of ["platform:tenants", "platform:*", "nonsense", "a:b:c"]) {
    const answer = await call(mia, "PUT", `/${id}/permissions`, { permissions: [permission] });
    assert.equal(answer.status, 400, permission);
  }
  await add(id, "ann", "owner");
  assert.equal((await call(as("ann"), "PUT", `/${id}/permissions`, { permissions: [] })).status, 403);
  await service.say(userCreated, { userId: idOf("bob"), tenantId });
  await service.untilHeard();
  const added = await call(as("ann"), "POST", `/${id}/members`, { user_id: idOf("bob") });
  assert.deepEqual([added.status, added.code], [403, "GROUP_018"]);
  const holds = as("ann", `${member},billing:read,user:list`);
  assert.equal((await call(holds, "POST", `/${id}/members`, { user_id: idOf("bob") })).status, 201);
});

test("people who come into a tenant join its groups that say so, once, and leave all of them when they are deleted", async () => {
  const { mia, create, as, tenantId, idOf } = newTenant();
  const everybody = await create("Everybody");
  await create("Others");
  assert.equal((await call(as("ann"), "PATCH", `/${everybody}`, { join_role: "admin" })).status, 404);
  const set = await call(mia, "PATCH", `/${everybody}`, { join_role: "viewer" });
  assert.deepEqual([set.status, set.json.join_role], [200, "viewer"]);
  for (const repeat of [1, 2]) {
    await service.say(userCreated, { userId: idOf("new"), tenantId, name: `${repeat}` });
    await service.untilHeard();
  }
  const groupsOf = async () => (await call(as("new"), "GET", "?member=me")).json.data;
  assert.deepEqual(
    (await groupsOf()).map((row: { name: string; member_count: number }) => [row.name, row.member_count]),
    [["Everybody", 2]],
  );
  await service.say(userDeleted, { userId: idOf("new"), tenantId });
  await service.untilHeard();
  assert.deepEqual(await groupsOf(), []);
  assert.equal((await call(mia, "GET", `/${everybody}`)).json.member_count, 1);
  assert.equal((await call(mia, "PATCH", `/${everybody}`, { join_role: null })).json.join_role, null);
});

test("S8: a search that the database does not end in time is refused", async () => {
  const { mia } = newTenant();
  await service.db.transaction(async (tx) => {
    await tx`lock table tenant_group in access exclusive mode`;
    const { status, code } = await call(mia, "GET", "?name=%25");
    assert.deepEqual([status, code], [400, "KIT_019"]);
  });
});
