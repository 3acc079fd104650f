import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { GeneratedFiles } from "./generated.ts";
import { runBuf } from "./run-tool.ts";

/**
 * Code for every folder that has a `buf.gen.yaml`: its `proto/` compiled into its `gen/`. Writes only to a temporary
 * folder. Throws an Error with buf's own words when a proto file does not compile.
 */
export async function generateProtobuf(root: string): Promise<GeneratedFiles> {
  const configs = globSync("{contracts,kit,services,apps}/**/buf.gen.yaml", {
    cwd: root,
    exclude: (path) => path.endsWith("node_modules"),
  });
  const sources = configs.map((path) => dirname(path)).sort();
  const results = await Promise.all(sources.map((source) => compile(root, source)));
  return { texts: new Map(results.flat()), folders: sources.map((source) => `${source}/gen`) };
}

async function compile(root: string, source: string): Promise<[path: string, text: string][]> {
  const target = mkdtempSync(join(tmpdir(), "lyss-gen-"));
  try {
    const result = await runBuf(["generate", "--output", target], join(root, source));
    if (!result.isSuccess) throw new Error(`buf generate in ${source}\n${result.output}`);
    return globSync("gen/**/*_pb.*", { cwd: target })
      .sort()
      .map((path) => [join(source, path), readFileSync(join(target, path), "utf8")]);
  } finally {
    rmSync(target, { recursive: true });
  }
}
