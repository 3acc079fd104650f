import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { withAlias } from "./alias.ts";
import { routesFor } from "./route.ts";

const { json } = routesFor<object>();

test("a route under an alias differs in path and operation only", () => {
  const route = json({
    method: "GET",
    path: "/v1/keys/{id}",
    permission: "key:read",
    operation: "getKey",
    summary: "A key.",
    response: z.object({}),
    handle: () => ({}),
  });
  const [first, second] = withAlias([route], "/v1", "/api/v1");
  assert.equal(first, route);
  assert.deepEqual(second, { ...route, path: "/api/v1/keys/{id}", operation: "getKeyApiV1" });
  assert.throws(() => withAlias([route], "/api", "/v1"), TypeError);
});
