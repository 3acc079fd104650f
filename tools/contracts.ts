import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runBuf, runTool, type ToolResult } from "./run-tool.ts";

/** What `buf lint` says of the contracts. */
export function lintContracts(root: string): Promise<ToolResult> {
  return runBuf(["lint"], join(root, "contracts"));
}

/**
 * What `buf breaking` says of the contracts as they stand, against those of the commit where this branch left main:
 * the local branch, or origin's where a clone has no other. Undefined when there is no such commit or it has none.
 */
export async function findBreakingChanges(root: string): Promise<ToolResult | undefined> {
  const base = (await findBase(root, "main")) ?? (await findBase(root, "origin/main"));
  if (base === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "lyss-contracts-"));
  try {
    const archive = join(folder, "base.tar");
    const packed = await runTool(
      "git",
      ["archive", "--output", archive, base, "contracts/buf.yaml", "contracts/proto"],
      root,
    );
    if (!packed.isSuccess) return undefined;
    return await runBuf(["breaking", "--against", `${archive}#subdir=contracts`], join(root, "contracts"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Where this branch left that one, or the tip of that one where a shallow clone does not know. */
async function findBase(root: string, branch: string): Promise<string | undefined> {
  for (const args of [
    ["merge-base", "HEAD", branch],
    ["rev-parse", "--verify", "--quiet", `${branch}^{commit}`],
  ]) {
    const { isSuccess, stdout } = await runTool("git", args, root);
    if (isSuccess) return stdout.trim();
  }
  return undefined;
}
