import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { addSubscription, appendEvents } from "@lyss/kit/testing/event-log-rows.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { event } from "./service.ts";

const { ops, sql } = await startTestService({ after }, event, { clients: {} });
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "event", routes: event.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_op", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

await appendEvents(sql, [
  { id: "evt_1", type: "key.created", key: "key_1", data: { tenantId: "ten_a" } },
  { id: "evt_2", type: "key.revoked", key: "key_1", data: { tenantId: "ten_a" } },
]);
await addSubscription(sql, "watch", ["key.created", "key.revoked"], { parkedIds: ["evt_2"], isReplayable: true });

const operator = "ten_ops/platform:events";
const watch = "/admin/events/subscriptions/auth/watch";

const { call } = server;

test("every route below /admin refuses whoever does not operate the platform, a tenant's owner included", async () => {
  const admin = event.routes.filter(({ path }) => path.startsWith("/admin"));
  assert.ok(admin.length >= 15);
  for (const { method, path, permission } of admin) {
    assert.equal(permission, "platform:events");
    const there = path.replace("{service}", "auth").replace("{subscription}", "watch").replace("{id}", "evt_1");
    for (const held of ["*", "*:*", "*:events", "event:*", "platform:workflows"]) {
      assert.equal((await call(`ten_a/${held}`, method, there)).status, 403, `${held} ${method} ${there}`);
    }
    assert.equal((await call("", method, there)).status, 401, `${method} ${there}`);
  }
});

test("events are CloudEvents 1.0, and a tenant gets its own", async () => {
  const { json } = await call("ten_a/event:read", "GET", "/api/v1/events?limit=1");
  const [{ time, ...shown }] = json.data;
  assert.ok(Date.parse(time) > 0);
  assert.deepEqual(shown, {
    ...{ specversion: "1.0", id: "evt_2", source: "auth", type: "key.revoked", datacontenttype: "application/json" },
    ...{ data: { tenantId: "ten_a" }, partitionkey: "key_1", sequence: "2" },
  });
  const next = await call("ten_a/event:read", "GET", `/api/v1/events?limit=1&cursor=${json.next_cursor}`);
  assert.deepEqual([next.json.data[0].id, next.json.next_cursor], ["evt_1", null]);
  assert.equal((await call("ten_b/*", "GET", "/api/v1/events")).json.data.length, 0);
  assert.equal((await call("ten_a/key:read", "GET", "/api/v1/events")).status, 403);
  const whole = await call(operator, "GET", "/admin/events?order=oldest&after=1&type=key.created&type=key.revoked");
  assert.deepEqual([whole.json.data.length, whole.json.data[0].id], [1, "evt_2"]);
  const one = await call(operator, "GET", "/admin/events/evt_2");
  assert.deepEqual([one.json.event.id, one.json.receivers[0].state], ["evt_2", "parked"]);
  assert.equal((await call(operator, "GET", "/admin/events/types")).json.data.length, 2);
  assert.equal((await call(operator, "GET", "/admin/events/evt_none")).status, 404);
});

test("parked events are seen, redriven and skipped; a replay is started, paused, resumed and canceled", async () => {
  const list = await call(operator, "GET", "/admin/events/subscriptions");
  assert.deepEqual([list.json.data.length, list.json.data[0].parked, list.json.data[0].live], [1, 1, true]);
  assert.deepEqual((await call(operator, "GET", watch)).json, { ...list.json.data[0] });
  const parked = await call(operator, "GET", `${watch}/parked?type=key.revoked`);
  assert.deepEqual([parked.json.data[0].event.id, parked.json.data[0].last_error], ["evt_2", "Error: no"]);
  assert.equal((await call(operator, "GET", `${watch}/parked?key=other`)).json.data.length, 0);

  const redrive = await call(operator, "POST", `${watch}/parked:redrive`, { event_ids: ["evt_2"] });
  assert.deepEqual(
    [redrive.status, redrive.json.state, redrive.json.total, redrive.json.asked_by],
    [202, "pending", 1, "usr_op"],
  );
  const replay = await call(operator, "POST", `${watch}/replays`, { after_sequence: "1", speed: 2 });
  assert.deepEqual([replay.status, replay.json.total, replay.json.scope], [202, 1, { speed: 2 }]);
  const steer = (verb: string) => call(operator, "POST", `/admin/events/operations/${replay.json.id}:${verb}`);
  assert.equal((await steer("pause")).json.state, "paused");
  assert.equal((await steer("resume")).json.state, "pending");
  assert.equal((await steer("cancel")).json.state, "canceled");
  assert.equal((await steer("pause")).status, 409);
  const shown = await call(operator, "GET", `/admin/events/operations/${replay.json.id}`);
  assert.equal(shown.json.state, "canceled");
  const open = await call(operator, "GET", "/admin/events/operations?state=pending");
  assert.deepEqual([open.json.data.length, open.json.data[0].id], [1, redrive.json.id]);
  assert.equal((await call(operator, "POST", `${watch}/parked:skip`)).json.handled, 1);
  assert.equal((await call(operator, "DELETE", watch)).status, 409);
});

test("bad input names the field and what it must be", async () => {
  const cases: readonly (readonly [method: string, path: string, field: string, body?: unknown])[] = [
    ["GET", "/admin/events?trace_id=x", "trace_id"],
    ["GET", "/admin/events?limit=201", "limit"],
    ["GET", "/admin/events?order=sideways", "order"],
    ["GET", "/admin/events?from=yesterday", "from"],
    ["GET", "/admin/events?after=-1", "after"],
    ["GET", "/admin/events?cursor=nonsense", "cursor"],
    ["GET", "/admin/events/subscriptions?service=A_B", "service"],
    ["GET", "/admin/events/operations?state=odd", "state"],
    ["POST", `${watch}/replays`, "speed", { speed: 0 }],
    ["POST", `${watch}/replays`, "types.0", { types: [""] }],
    ["POST", `${watch}/parked:redrive`, "event_ids", { event_ids: [] }],
  ];
  for (const [method, path, field, body] of cases) {
    const { status, json } = await call(operator, method, path, body);
    assert.deepEqual([status, json.error.details.field], [400, field], path);
  }
});
