import assert from "node:assert/strict";
import { after, test } from "node:test";
import { userCreated } from "@lyss/contracts/events/user.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
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

async function call(token: string, method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const answer = await server.call(token, method, `/api/v1/groups${path}`, body, headers);
  return { ...answer, etag: answer.headers.get("etag") };
}

const member = "group:read,group:create,group:update,group:delete";

test("a group lives from its creation to its archive over REST", async () => {
  const ann = `ten_life/usr_ann/${member}`;
  await service.say(userCreated, { userId: "usr_bob", tenantId: "ten_life" });
  await service.untilHeard();
  const created = await call(ann, "POST", "", { name: "Readers" });
  assert.deepEqual([created.status, created.etag], [201, '"2"']);
  const { id, object, status, member_count, version, created_by } = created.json;
  assert.deepEqual(
    { object, status, member_count, version, created_by },
    { object: "group", status: "active", member_count: 1, version: 2, created_by: "usr_ann" },
  );
  const added = await call(ann, "POST", `/${id}/members`, { user_id: "usr_bob", role: "admin" });
  assert.deepEqual([added.status, added.etag, added.json.group_version], [201, '"3"', 3]);
  assert.equal(added.json.permissions.includes("member:manage"), true);
  const bob = `ten_life/usr_bob/${member}`;
  assert.equal((await call(bob, "PATCH", `/${id}`, { description: "Bob may" })).json.description, "Bob may");
  assert.equal((await call(bob, "DELETE", `/${id}`)).status, 403);
  assert.equal((await call(ann, "PATCH", `/${id}/members/usr_bob`, { role: "viewer" })).json.role, "viewer");
  const { json: members } = await call(bob, "GET", `/${id}/members`);
  assert.deepEqual(
    members.data.map(({ user_id, role }: Record<string, string>) => [user_id, role]),
    [
      ["usr_ann", "owner"],
      ["usr_bob", "viewer"],
    ],
  );
  const { json: asked } = await call(bob, "GET", `/${id}/members?user_id=usr_bob,usr_none`);
  assert.deepEqual(
    asked.data.map(({ user_id }: Record<string, string>) => user_id),
    ["usr_bob"],
  );
  assert.deepEqual((await call(bob, "DELETE", `/${id}/members/me`)).json, {
    ...{ object: "group.member", user_id: "usr_bob", removed: true, group_version: 6 },
  });
  assert.equal((await call(bob, "GET", `/${id}`)).status, 404);
  assert.deepEqual((await call(ann, "GET", `/${id}?version=2`)).json, created.json);
  const { timestamp } = (await call(ann, "GET", `/${id}/history`)).json.data.at(-2);
  assert.deepEqual((await call(ann, "GET", `/${id}?at=${timestamp}`)).json, created.json);
  assert.equal((await call(ann, "GET", `/${id}?version=99`)).json.error.code, "GROUP_013");
  const { json: history } = await call(ann, "GET", `/${id}/history?limit=1`);
  assert.deepEqual(Object.keys(history.data[0]).sort(), [
    ...["aggregate_id", "event_data", "event_id", "event_type", "timestamp", "version"],
  ]);
  assert.deepEqual([history.data[0].event_type, history.data[0].version], ["group.member.removed", 6]);
  assert.deepEqual(history.data[0].event_data.user_id, "usr_bob");
  assert.equal((await call(ann, "DELETE", `/${id}`)).json.status, "archived");
  assert.equal((await call(ann, "PATCH", `/${id}`, { name: "Again" })).json.error.code, "GROUP_006");
  await service.untilHeard();
  const { json: list } = await call(ann, "GET", "?member=me&status=archived");
  assert.deepEqual(
    list.data.map((row: { id: string }) => row.id),
    [id],
  );
});

test("a change with If-Match happens on that version only, else 412 tells the present one", async () => {
  const ann = `ten_match/usr_ann/${member}`;
  const { json, etag } = await call(ann, "POST", "", { name: "Readers" });
  const ifMatch = { "if-match": etag ?? "" };
  const renamed = await call(ann, "PATCH", `/${json.id}`, { name: "Writers" }, ifMatch);
  assert.deepEqual([renamed.status, renamed.etag], [200, '"3"']);
  for (const [method, path, body] of [
    ["PATCH", "", { name: "Late" }],
    ["DELETE", ""],
    ["POST", "/members", { user_id: "usr_bob" }],
    ["PATCH", "/members/usr_ann", { role: "admin" }],
    ["DELETE", "/members/usr_ann"],
  ] as const) {
    const late = await call(ann, method, `/${json.id}${path}`, body, ifMatch);
    assert.deepEqual([late.status, late.json.error.code], [412, "GROUP_008"], `${method} ${path}`);
    assert.deepEqual(late.json.error.details, { current: 3, expected: 2 });
  }
  assert.equal((await call(ann, "PATCH", `/${json.id}`, { name: "X" }, { "if-match": "nonsense" })).status, 400);
  assert.equal((await call(ann, "PATCH", `/${json.id}`, { name: "X" }, { "if-match": "*" })).status, 200);
});

test("each route asks for its permission, and another tenant's id is not found", async () => {
  const { json } = await call(`ten_one/usr_ann/${member}`, "POST", "", { name: "Readers" });
  const requests: readonly (readonly [permission: string, method: string, path: string, body?: unknown])[] = [
    ["group:create", "POST", "", { name: "Mine" }],
    ["group:read", "GET", ""],
    ["group:read", "GET", `/${json.id}`],
    ["group:read", "GET", `/${json.id}/history`],
    ["group:read", "GET", `/${json.id}/members`],
    ["group:update", "PATCH", `/${json.id}`, { name: "Mine" }],
    ["group:delete", "DELETE", `/${json.id}`],
    ["group:update", "POST", `/${json.id}/members`, { user_id: "usr_eve" }],
    ["group:update", "PATCH", `/${json.id}/members/usr_ann`, { role: "viewer" }],
    ["group:update", "DELETE", `/${json.id}/members/usr_ann`],
  ];
  const all = ["group:create", "group:read", "group:update", "group:delete"];
  for (const [permission, method, path, body] of requests) {
    const lacking = all.filter((other) => other !== permission).join();
    assert.equal((await call(`ten_one/usr_ann/${lacking}`, method, path, body)).status, 403, `${method} ${path}`);
    assert.equal((await call("", method, path, body)).status, 401, `${method} ${path}`);
    if (path === "") continue;
    for (const token of ["ten_two/usr_ann/group:*", `ten_one/usr_eve/${permission}`]) {
      assert.equal((await call(token, method, path, body)).status, 404, `${method} ${path}`);
    }
  }
  const { json: list } = await call("ten_two/usr_ann/group:*", "GET", "");
  assert.deepEqual(list, { object: "list", data: [], next_cursor: null });
});
