import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { workflow } from "./service.ts";

// No saga has ever run on this database: the engine has no schema there.
const { ops } = await startTestService({ after }, workflow, { clients: {} });
/** The bearer token is the caller's permissions. */
const server = await startTestServer({
  mounted: [{ name: "workflow", routes: workflow.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const permissions = (authorization ?? "").replace(/^Bearer ?/, "");
    if (!permissions) return undefined;
    return {
      tenantId: "ten_a",
      userId: "usr_a",
      keyId: "",
      ...noSession,
      permissions: permissions.split(","),
      models: [],
    };
  },
});
after(() => server.close());

const call = (token: string, method: string, path: string) =>
  server.call(token, method, path, method === "POST" ? { id: "a/b/c" } : undefined);

test("every route refuses whoever does not operate the platform, a tenant's owner included", async () => {
  assert.equal(workflow.routes.length, 5);
  for (const { method, path, permission } of workflow.routes) {
    assert.equal(permission, "platform:workflows");
    for (const held of ["*", "*:*", "*:workflows", "workflow:*", "platform:events"]) {
      assert.equal((await call(held, method, path)).status, 403, `${held} ${method} ${path}`);
    }
    assert.equal((await call("", method, path)).status, 401, `${method} ${path}`);
  }
});

test("where no saga has run there is nothing to see, and the engine is not loaded to say so", async () => {
  const operator = "platform:workflows";
  const { json } = await call(operator, "GET", "/admin/workflows?state=parked&state=failed");
  assert.deepEqual(json, { object: "list", data: [], next_cursor: null });
  const counts = { running: 0, parked: 0, done: 0, compensated: 0, failed: 0 };
  assert.deepEqual((await call(operator, "GET", "/admin/workflows/counts")).json, counts);
  for (const [method, rest] of [
    ["GET", "?id=a%2Fb%2Fc"],
    ["POST", ":resume"],
    ["POST", ":cancel"],
  ] as const) {
    assert.equal((await call(operator, method, `/admin/workflows/run${rest}`)).status, 404);
  }
  for (const query of ["state=odd", "limit=0", "service=A", "cursor=x", "page=2"]) {
    assert.equal((await call(operator, "GET", `/admin/workflows?${query}`)).status, 400, query);
  }
  const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes("dbos-sdk"));
  assert.deepEqual(loaded, []);
});
