import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runTool } from "./run-tool.ts";
import { repositoryRoot } from "./source-tree.ts";

const folder = mkdtempSync(join(tmpdir(), "lyss-lint-"));
copyFileSync(join(repositoryRoot, "biome.json"), join(folder, "biome.json"));
after(() => rmSync(folder, { recursive: true }));

/** What the gate `lint` says of one file under our settings. */
async function lint(name: string, text: string): Promise<{ readonly isSuccess: boolean; readonly output: string }> {
  writeFileSync(join(folder, name), text);
  return runTool("biome", ["check", "--error-on-warnings", "--vcs-enabled=false", name], folder);
}

test("a file in order passes", async () => {
  const { isSuccess, output } = await lint("in-order.ts", "export const answer = 42;\n");
  assert.ok(isSuccess, output);
});

const refused: Readonly<Record<string, readonly [name: string, text: string]>> = {
  noExplicitAny: ["some-any.ts", "export const value: any = 1;\n"],
  noEnum: ["some-enum.ts", "export enum Kind {\n  One = 1,\n}\n"],
  noDefaultExport: ["some-default.ts", "export default 1;\n"],
  noNonNullAssertion: ["some-bang.ts", "export const size = (text?: string) => text!.length;\n"],
  noReExportAll: ["some-barrel.ts", 'export * from "./in-order.ts";\n'],
  noUnusedImports: ["some-import.ts", 'import { answer } from "./in-order.ts";\n\nexport const two = 2;\n'],
  noFocusedTests: ["some.test.ts", 'import { test } from "node:test";\n\ntest.only("x", () => {});\n'],
  useFilenamingConvention: ["someName.ts", "export const two = 2;\n"],
  format: ["some-format.ts", "export const text = 'single';\n"],
};
for (const [rule, [name, text]] of Object.entries(refused)) {
  test(`a file against ${rule} is refused`, async () => {
    const { isSuccess, output } = await lint(name, text);
    assert.equal(isSuccess, false);
    assert.match(output, new RegExp(rule));
  });
}
