import assert from "node:assert/strict";
import { test } from "node:test";
import { createServer } from "vite";
import config from "../../../apps/console/vite.config.ts";

test("while the console is worked on, its own files come from its folder: no path of the API is one of theirs", async (t) => {
  const server = await createServer({
    ...config,
    configFile: false,
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
  });
  t.after(() => server.close());
  await server.listen(0);
  const [address = ""] = server.resolvedUrls?.local ?? [];
  for (const file of ["api/problem.ts", "api/gen/client.ts", "app/main.tsx"]) {
    const answer = await fetch(address + file);
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, "text/javascript"], file);
  }
});
