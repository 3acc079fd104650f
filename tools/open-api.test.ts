import assert from "node:assert/strict";
import { test } from "node:test";
import { generateOpenApi } from "./open-api.ts";
import { repositoryRoot } from "./source-tree.ts";
import { loadServices } from "./topology.ts";

test("the document has every route of every service, and is the same each time", async () => {
  const { texts } = await generateOpenApi(repositoryRoot);
  const [text] = texts.values();
  const { openapi, paths } = JSON.parse(text ?? "");
  assert.equal(openapi, "3.1.0");
  const services = await loadServices(repositoryRoot);
  for (const { method, path, operation } of services.flatMap(({ routes }) => routes)) {
    assert.equal(paths[path]?.[method.toLowerCase()]?.operationId, operation, `${method} ${path}`);
  }
  assert.deepEqual(await generateOpenApi(repositoryRoot), { texts, folders: [] });
});
