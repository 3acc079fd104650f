import assert from "node:assert/strict";
import { test } from "node:test";
import { listConfigReference } from "@lyss/kit/config/config-reference.ts";
import { configSections } from "../apps/platform/config.ts";
import { generateConfigurationDocs, renderConfiguration } from "./docs-configuration.ts";
import { repositoryRoot } from "./source-tree.ts";

test("every key of the program stands on the page once, and says what it means", async () => {
  const { texts } = await generateConfigurationDocs(repositoryRoot);
  const page = texts.get("docs/configuration.md") ?? "";
  const rows = listConfigReference(configSections);
  assert.ok(rows.length > 40);
  for (const { key, description } of rows) {
    assert.equal(page.split(`\n| \`${key}\` |`).length, 2, key);
    assert.notEqual(description, "", `${key} has no description: say it with .describe() in its schema`);
  }
});

test("the page is the same whatever the order of the services", async () => {
  const [a, b] = ["a", "b"].map((name) => ({ name, config: {} }));
  assert.ok(a && b);
  assert.equal(renderConfiguration({}, [a, b], []), renderConfiguration({}, [b, a], []));
});
