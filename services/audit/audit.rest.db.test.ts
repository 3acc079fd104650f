import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { audit } from "./service.ts";

const { ops, db, random } = await startTestService({ after }, audit, { clients: {} });
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const { call, close, url } = await startTestServer({
  mounted: [{ name: "audit", routes: audit.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => close());

function keep(tenantId: string, act: string): Promise<void> {
  return db.transaction((tx) =>
    ops.keepEntry(tx, {
      ...{ eventId: random.id("evt"), act, tenantId, actorId: "usr_a", operatorId: "", subjectKind: "key" },
      ...{ subjectId: "key_1", clientAddress: "", happenedAtMs: 0, details: { userId: "usr_b" } },
    }),
  );
}
await keep("ten_a", "key.created");
await keep("ten_b", "key.created");
await keep("", "resilience.ordered");
const reader = "ten_a/audit:read";
const operator = "ten_ops/platform:audit";

test("every route refuses whoever lacks its permission; below /admin the owner of a tenant, too", async () => {
  for (const { method, path, permission } of audit.routes) {
    const there = path.replace("{id}", "aud_1");
    assert.equal(permission, path.startsWith("/admin") ? "platform:audit" : "audit:read");
    assert.equal((await call("", method, there)).status, 401, there);
    assert.equal((await call("ten_a/key:read", method, there)).status, 403, there);
    if (path.startsWith("/admin")) assert.equal((await call("ten_a/*", method, there)).status, 403, there);
  }
});

test("a tenant sees its own log, and another's entry is as if there were none", async () => {
  const { json } = await call(reader, "GET", "/api/v1/audit");
  assert.equal(json.data.length, 1);
  const { id, recorded_at, event_id, digest, ...shown } = json.data[0];
  assert.match(`${id} ${event_id} ${recorded_at} ${digest}`, /^aud_\w+ evt_\w+ \S+Z [0-9a-f]{64}$/);
  assert.deepEqual(shown, {
    ...{ object: "audit.entry", tenant_id: "ten_a", sequence: 1, act: "key.created", actor_id: "usr_a" },
    ...{ operator_id: null, subject_kind: "key", subject_id: "key_1", client_address: null },
    ...{ happened_at: "1970-01-01T00:00:00.000Z", details: { userId: "usr_b" } },
  });
  assert.deepEqual((await call(reader, "GET", `/api/v1/audit/${id}`)).json, json.data[0]);
  const strange = await call("ten_b/audit:read", "GET", `/api/v1/audit/${id}`);
  const none = await call("ten_b/audit:read", "GET", "/api/v1/audit/aud_none");
  assert.deepEqual([strange.status, strange.json.error.code], [404, "AUDIT_001"]);
  assert.equal(none.json.error.message, strange.json.error.message);
  assert.equal((await call(operator, "GET", `/admin/audit/${id}`)).json.id, id);
});

test("operators see every log, or one", async () => {
  const actsOf = async (query: string) =>
    (await call(operator, "GET", `/admin/audit${query}`)).json.data.map((it: { act: string }) => it.act);
  assert.deepEqual(await actsOf(""), ["resilience.ordered", "key.created", "key.created"]);
  assert.deepEqual(await actsOf("?tenant_id=platform"), ["resilience.ordered"]);
  assert.deepEqual(await actsOf("?act=resilience.*&act=billing.*"), ["resilience.ordered"]);
});

test("a log is checked, and exported with what proves it", async () => {
  const { json } = await call(reader, "GET", "/api/v1/audit/verify");
  const { until_digest: digest, ...verdict } = json;
  assert.deepEqual(verdict, {
    ...{ object: "audit.verification", intact: true, entries: 1, until_sequence: 1, complete: true },
    ...{ broken_sequence: null, reason: null },
  });
  const answer = await fetch(`${url}/api/v1/audit/export?act=key.*`, {
    headers: { authorization: `Bearer ${reader}` },
  });
  assert.equal(answer.headers.get("content-disposition"), 'attachment; filename="audit.jsonl"');
  const lines = (await answer.text()).trimEnd().split("\n");
  assert.deepEqual([lines.length, JSON.parse(lines[0] ?? "").digest], [1, digest]);
  assert.equal((await call(operator, "GET", "/admin/audit/verify?tenant_id=ten_b")).json.entries, 1);
});

test("bad input is refused with the field", async () => {
  const bad = ["limit=0", "limit=201", "cursor=x", "act=A%20B", "from=yesterday", "q=x", `actor_id=${"x".repeat(201)}`];
  for (const query of [...bad, "other=1", "act=key.created%00"]) {
    const { status, json } = await call(reader, "GET", `/api/v1/audit?${query}`);
    assert.equal(status, 400, query);
    assert.match(json.error.message, new RegExp(query.slice(0, query.indexOf("="))), query);
  }
  for (const query of ["format=xml", "tenant_id=ten_b", "limit=1"]) {
    assert.equal((await call(reader, "GET", `/api/v1/audit/export?${query}`)).status, 400, query);
  }
  assert.equal((await call(reader, "GET", "/api/v1/audit/verify?after=-1")).status, 400);
});
