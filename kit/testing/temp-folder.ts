import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestScope } from "./test-cluster.ts";

/** An empty folder, deleted with all that is in it when the scope ends. */
export function createTempFolder(t: TestScope): string {
  const folder = mkdtempSync(join(tmpdir(), "lyss-test-"));
  t.after(async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
